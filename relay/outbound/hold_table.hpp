// What is known of each account's logins: which account is not to be tried, until when, and why. No clock, no
// file: the time is passed in, and the caller writes stored() down where a function says so.
//
// Holds are by account, whatever domain and peer the login was for, since lock-outs are. At any time there is
// one secret an account may be tried with, that of the tables last adopted.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/holds/hold_file.hpp"
#include "smtpseal/policy/account_files.hpp"

namespace smtpseal::relay {

class HoldTable {
 public:
  using Time = holds::Time;
  struct Limits {
    Time hold_time = 3600;
    Time retry_time = 300;
  };
  // A login as it is tried.
  struct Login {
    const policy::Credential& credential;
    std::string peer;  // host[address]
    std::string rule;  // file:line
  };

  // `engine` must outlive the object.
  HoldTable(const crypto::Engine& engine, Limits limits) : engine_(engine), limits_(limits) {}

  // Takes what an earlier process has written down. A login that was under way then was never answered.
  void restore(std::vector<holds::StoredHold> stored, Time now);
  // To be called after every load of the tables. Ends the holds of accounts that have another secret now, and
  // returns these accounts.
  std::vector<std::string> adopt(const policy::Credentials& credentials, Time now);

  // What stands against trying the account now. Borrows until the next change.
  [[nodiscard]] const holds::Hold* find(std::string_view account, Time now) const;
  // Whether the tables have another secret for the account meanwhile, or none: what becomes of a login with
  // the old one says nothing about the new one, and nobody should try it.
  [[nodiscard]] bool is_outdated(const policy::Credential& credential) const;

  // True: write it down before the credential is shown.
  [[nodiscard]] bool begin(const Login& login, Time now);
  // The outcomes: refused or unanswered, to be written down in any case, and success, where it returns true.
  const holds::Hold& fail(const Login& login, holds::Kind kind, std::string_view reason, Time now);
  [[nodiscard]] bool succeed(const Login& login);

  // Forgets all that stands against the account. False where nothing does.
  bool lift(std::string_view account, Time now);

  // What stands against accounts now, the latest first.
  [[nodiscard]] std::vector<holds::Hold> list(Time now) const;
  // All that must survive a restart; of more than the file takes, what matters longest.
  [[nodiscard]] std::vector<holds::StoredHold> stored() const;

 private:
  struct Entry {
    holds::StoredHold stored;
    std::optional<std::uint64_t> generation;  // of the secret it is about; nothing: not looked at yet
  };
  using Entries = std::map<std::string, Entry>;  // by folded account

  [[nodiscard]] Time length_of(holds::Kind kind, std::uint64_t failures) const;
  [[nodiscard]] bool is_about(Entry& entry, const policy::Credential& credential) const;
  Entry& renew(const Login& login, holds::Kind kind, std::string_view reason, Time now);
  void mark(Entry& entry, const policy::Credential& credential) const;

  const crypto::Engine& engine_;
  Limits limits_;
  Entries entries_;
  std::map<std::string, std::uint64_t> proven_;                  // the secret that has worked since the start
  std::optional<std::map<std::string, std::uint64_t>> current_;  // the secrets of the tables
};

}  // namespace smtpseal::relay
