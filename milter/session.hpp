// One connection of the mail server's, without libmilter: what came in, judged message by message. Nothing
// but the peer outlives a message. Not safe for use by two threads at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "facts.hpp"
#include "forged_fields.hpp"
#include "smtpseal/daemon/inbound_settings.hpp"
#include "smtpseal/policy/inbound.hpp"
#include "smtpseal/status/status_header.hpp"

namespace smtpseal::milter {

struct SessionSettings {
  std::string authserv_id;
  status::ShowAccount show_account = status::ShowAccount::yes;
  daemon::ExemptNetworks exempt;  // not judged where they do not come through the relay
};

// What is to be done at the end of a message.
struct Ending {
  struct Field {
    std::string_view name;
    std::string value;
  };
  policy::InboundVerdict verdict;  // of the whole message; where it refuses or defers, nothing else is filled
  std::vector<ForgedFields::Removal> removals;  // in this order, before the insertions
  std::vector<Field> insertions;                // each to be put on top of all fields, in this order
  session::SessionSecurity security;
};

class Session {
 public:
  // `settings` must outlive the object.
  Session(const SessionSettings& settings, AskRelay ask) : settings_(settings), ask_(std::move(ask)) {}

  // A connection, or another one: Postfix begins anew when XCLIENT has named the real client.
  void begin(Peer peer);
  // MAIL. A null `set` (no usable tables) defers everything. `sender` may stand in angle brackets.
  [[nodiscard]] policy::InboundVerdict on_mail(std::shared_ptr<const policy::PolicySet> set,
                                               std::string_view sender, session::MtaView view);
  void on_header(std::string_view name, std::string_view value);
  // End of message. Judges once more with what is known now, and ends the message.
  [[nodiscard]] Ending on_end();
  // The message is given up.
  void reset() { message_.reset(); }

  [[nodiscard]] const Peer& peer() const { return peer_; }
  // Of the message in progress. The sender stands without brackets.
  // REQUIRES for security(): on_mail() came, and neither on_end() nor reset() since.
  [[nodiscard]] std::string_view sender() const {
    return message_ ? std::string_view(message_->sender) : std::string_view();
  }
  [[nodiscard]] const session::SessionSecurity& security() const { return message_->facts.security; }

 private:
  struct Message {
    std::shared_ptr<const policy::PolicySet> set;  // the same one at MAIL and at the end; may be null
    std::string sender;
    session::MtaView view;
    Facts facts;
    ForgedFields forged;
  };
  [[nodiscard]] policy::InboundVerdict judge(const Message& message, const Facts& facts) const;
  [[nodiscard]] policy::InboundVerdict refuse_fields(const Message& message) const;
  [[nodiscard]] std::vector<Ending::Field> stamps(const Ending& ending) const;

  const SessionSettings& settings_;
  AskRelay ask_;
  Peer peer_;
  std::optional<Message> message_;
};

}  // namespace smtpseal::milter
