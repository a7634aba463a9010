// One AUTH NTLM exchange as the server (RFC 4954, [MS-SMTPNTLM]): base64 lines in, replies out. No sockets;
// bounded by the line reader. Unknown user and wrong password give the same reply after the same work.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "smtpseal/ntlm/server.hpp"
#include "smtpseal/policy/policy_set.hpp"
#include "smtpseal/smtp/reply.hpp"

namespace smtpseal::relay {

struct AuthStep {
  enum class Kind { more, succeeded, failed, cancelled };
  Kind kind = Kind::more;
  smtp::Reply reply;
  std::string reason;  // for the log, when failed
};

class AuthExchange {
 public:
  AuthExchange(const std::shared_ptr<const crypto::Engine>& engine,
               std::shared_ptr<const policy::PolicySet> set,
               std::shared_ptr<const ntlm::ServerPolicy> policy);

  // The initial response of the AUTH line; empty or "=" asks the client to go on (RFC 4954 section 4).
  AuthStep begin(std::string_view initial_response, std::uint64_t now);
  // One further line of the client.
  AuthStep line(std::string_view text, std::uint64_t now);

  // REQUIRES: succeeded.
  [[nodiscard]] const ntlm::Outcome& outcome() const { return *outcome_; }
  [[nodiscard]] const policy::Account& account() const { return *account_; }
  // Whom the client claimed to be; empty before its last message was read.
  [[nodiscard]] const std::string& claimed() const { return claimed_; }

 private:
  enum class State { wants_negotiate, wants_authenticate, done };
  AuthStep take_negotiate(ByteSpan message, std::uint64_t now);
  AuthStep take_authenticate(ByteSpan message, std::uint64_t now);
  AuthStep fail(smtp::Reply reply, std::string reason);

  std::shared_ptr<const policy::PolicySet> set_;
  ntlm::Server server_;
  State state_ = State::wants_negotiate;
  std::string claimed_;
  const policy::Account* account_ = nullptr;
  std::optional<ntlm::Outcome> outcome_;
};

}  // namespace smtpseal::relay
