// Keeps us from locking an account out: at most one unanswered login for an account at a time, and none at
// all while the account is on hold. A refused login holds it until its secret changes, relay.hold_time passes
// or the administrator lifts the hold; a login without a verdict, which the next hop may have counted as a
// failed one, for a back-off that doubles from relay.retry_time to relay.hold_time. Holds are written down in
// relay.state_directory before an outcome is reported, so that they survive a restart.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "outbound/hold_table.hpp"
#include "smtpseal/daemon/async.hpp"
#include "smtpseal/daemon/once_a_minute.hpp"

namespace smtpseal::relay {

class CredentialGate {
 public:
  using Time = holds::Time;
  struct Settings {
    daemon::Seconds hold_time{3600};
    daemon::Seconds retry_time{300};
    std::string state_directory;  // empty: nothing is kept
  };
  static Time system_time();

  // `engine` must outlive the object.
  CredentialGate(daemon::asio::io_context& io, const crypto::Engine& engine, const Settings& settings,
                 std::function<Time()> now = system_time);

  // Still as root: makes the state directory for `user`.
  void prepare(const std::string& user) const;
  // As the daemon's user: reads what an earlier process has left. Never fails: what cannot be read or written
  // is logged, and holds are then kept in memory alone.
  void open();
  // After every load of the tables: ends the holds of accounts whose secret has changed.
  void adopt(const policy::Credentials& credentials);

  // Why an account is not to be tried now.
  struct Denial {
    enum class Why {
      refused,     // the next hop refused this credential
      unanswered,  // a login got no verdict: temporary
      outdated,    // the tables have another secret meanwhile: temporary, and over with the next attempt
    };
    Why why;
    daemon::Seconds left{0};  // how long it lasts if nothing happens
    std::string text;         // for the administrator: account, peer, what it said, until when
  };

  // The right to try one login. From enter() on the credential counts as shown, so exactly one of the three
  // has to be called, with what the peer said; the end without any is unanswered(). Each may block for tens
  // of milliseconds, but for succeeded() after the first.
  class Ticket {
   public:
    Ticket(CredentialGate& gate, HoldTable::Login login) : gate_(gate), login_(std::move(login)) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();
    // 235.
    void succeeded();
    // Any 5xx to the AUTHENTICATE message.
    void refused(std::string_view reason);
    // Anything else: 4xx, connection lost, time-out, a reply that is none.
    void unanswered(std::string_view reason);

   private:
    CredentialGate& gate_;
    HoldTable::Login login_;
    bool is_settled_ = false;
  };

  struct Admission {
    std::unique_ptr<Ticket> ticket;
    std::optional<Denial> denial;  // where there is no ticket
  };
  // Waits until no other login for this account is unanswered. `credential` must outlive the ticket; `peer`
  // is host[address], `rule` file:line, both for whoever asks later. Call it right before the credential is
  // shown.
  daemon::Task<Admission> enter(const policy::Credential& credential, std::string peer, std::string rule);
  // What enter() would answer now; nothing where a login may be tried.
  [[nodiscard]] std::optional<Denial> held(const policy::Credential& credential) const;

  // For `smtpseal holds`.
  [[nodiscard]] std::vector<holds::Hold> list() const { return table_.list(now_()); }
  enum class Lifted { no, yes, in_memory_only };
  Lifted lift(std::string_view account);

 private:
  struct Turn {
    bool busy = false;
    std::unique_ptr<daemon::asio::steady_timer> freed;  // cancelled when it is no longer busy
  };
  void settle(const HoldTable::Login& login, holds::Kind kind, std::string_view reason);
  void settle_success(const HoldTable::Login& login);
  void leave(const std::string& account);
  bool save();

  daemon::asio::io_context& io_;
  std::function<Time()> now_;
  HoldTable table_;
  std::optional<holds::HoldFile> file_;
  std::map<std::string, Turn> turns_;  // by folded account
  daemon::OnceAMinute not_kept_;
};

}  // namespace smtpseal::relay
