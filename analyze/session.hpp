// What a recorded session was, for whoever knows the secret of its account. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dialogue.hpp"
#include "smtpseal/ntlm/recover.hpp"
#include "smtpseal/policy/account_files.hpp"
#include "unseal.hpp"

namespace smtpseal::analyze {

// A fact with its name: "target", "time".
struct Fact {
  std::string name;
  std::string value;
};

// The three messages of a login in words.
struct LoginReport {
  std::string verb;
  std::string opening;  // how the NEGOTIATE message came
  std::vector<Fact> negotiate;
  std::vector<Fact> challenge;
  std::vector<Fact> authenticate;
  std::string answer;   // the reply that ended it
  std::string account;  // that logged on; empty where it is not known
  bool is_other_account = false;
  bool is_sealed = false;  // SEAL was agreed
  unsigned strength = 0;
  std::optional<bool> secret_is_right;  // nullopt: it was not tried, and `problem` says why
  std::string problem;
};

struct SessionReport {
  std::string client;
  std::string server;
  std::int64_t began = 0;
  std::vector<std::string> notes;  // what is in the way of reading all
  std::vector<LoginReport> logins;
  std::vector<Line> clear;  // what can be read without a key
  bool enters_seal = false;
  std::vector<Attempt> attempts;  // best first; empty where there was no key to try
  std::vector<Line> unsealed;     // by the best one

  // The sealed part was opened to its end, and there is one.
  [[nodiscard]] bool is_opened() const;
};

struct Account {
  policy::AccountName name;
  const policy::StoredSecret& secret;
};

// nullopt: no NTLM login in it.
[[nodiscard]] std::optional<SessionReport> analyze_session(const crypto::Engine& engine,
                                                           const Conversation& conversation,
                                                           const Account& account);

}  // namespace smtpseal::analyze
