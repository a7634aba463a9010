// Keeps a wrong password from locking an account: at most one unanswered login for an account at a time, and
// after one refusal the credential is held until its secret changes or relay.hold_time passes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "smtpseal/daemon/async.hpp"
#include "smtpseal/policy/account_files.hpp"

namespace smtpseal::relay {

class CredentialGate {
 public:
  CredentialGate(daemon::asio::io_context& io, daemon::Seconds hold_time) : io_(io), hold_time_(hold_time) {}

  // The right to try one login. Its end without refused() says nothing about the credential.
  class Ticket {
   public:
    Ticket(CredentialGate& gate, std::string account, std::uint64_t generation)
        : gate_(gate), account_(std::move(account)), generation_(generation) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { gate_.leave(account_); }
    // The next hop refused the login.
    void refused() { gate_.hold(account_, generation_); }

   private:
    CredentialGate& gate_;
    std::string account_;
    std::uint64_t generation_;
  };

  // Waits until no other login for this account is unanswered. Null: the credential is on hold.
  daemon::Task<std::unique_ptr<Ticket>> enter(const policy::Credential& credential);
  [[nodiscard]] bool is_held(const policy::Credential& credential) const;

 private:
  struct Entry {
    bool busy = false;
    std::optional<std::uint64_t> refused_generation;
    daemon::Clock::time_point held_until;
    std::unique_ptr<daemon::asio::steady_timer> freed;  // cancelled when the entry is no longer busy
  };
  void leave(const std::string& account);
  void hold(const std::string& account, std::uint64_t generation);

  daemon::asio::io_context& io_;
  daemon::Seconds hold_time_;
  std::map<std::string, Entry> entries_;
};

}  // namespace smtpseal::relay
