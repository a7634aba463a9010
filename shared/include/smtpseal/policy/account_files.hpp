// The credentials file (who we are at the partner) and the accounts file (who the partner is here). Secrets
// are kept as NT and LM hashes; a password written in the file is hashed while it is read, and kept only
// where it is a credential's, which PLAIN and LOGIN have to show.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/ntlm/outcome.hpp"
#include "smtpseal/policy/domain_map.hpp"
#include "smtpseal/secret.hpp"

namespace smtpseal::policy {

struct StoredSecret {
  crypto::Key16 nt_hash;
  std::optional<crypto::Key16> lm_hash;  // absent where undefined: password over 14 characters or not ASCII
  std::uint64_t generation = 0;          // changes when the secret changes: keyed digest, not the secret
  std::optional<SecretText> password;    // of a credential that is written in clear
};

// A secret field: "{NT}hex", "{NT}hex{LM}hex" or the password itself. In the credentials file it is the rest
// of the line, so blanks may be inside; in the accounts file, where attributes follow, a password with blanks
// stands in double quotes. Blank passwords, and the hashes of the blank password, are refused. Returns a text
// naming the problem, never the secret.
struct SecretParse {
  std::optional<StoredSecret> secret;
  std::string problem;
};
enum class KeepPassword { no, yes };
SecretParse parse_secret(const crypto::Engine& engine, std::string_view field,
                         KeepPassword keep = KeepPassword::no);
// "{NT}hex" or "{NT}hex{LM}hex" for a password: what `smtpseal` writes; the caller wipes it. Without {LM}
// where that is undefined. Empty for a password that parse_secret() refuses.
std::string format_secret(const crypto::Engine& engine, std::string_view password, bool with_lm);

// Splits DOMAIN\user (the domain may be absent); user@realm is kept whole as the user.
struct AccountName {
  std::string domain;
  std::string user;
};
AccountName split_account(std::string_view account);

struct Credential {
  std::string account;  // as written in the file
  AccountName name;
  StoredSecret secret;
  Origin origin;
};

class Credentials {
 public:
  static Credentials parse(const crypto::Engine& engine, std::string_view text, const std::string& file,
                           std::vector<Problem>& problems);
  [[nodiscard]] const Credential* find(std::string_view account) const;  // case-insensitive
  [[nodiscard]] const std::vector<Credential>& entries() const { return entries_; }

 private:
  std::vector<Credential> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

// One line of the accounts file: account secret attributes
//   domains=a.example,.b.example   sender domains this account may use (checked where inbound=require names
//   it) relay=no|yes                   may it relay to foreign recipients; default no
//   profile=modern|exchange-5.5    exchange-5.5 admits NTLMv1 and LM_KEY from this account; default modern
//   (NTLMv2 only) strength=40|56|128             least strength of the seal where one is negotiated; default
//   128
struct Account {
  std::string account;
  AccountName name;
  StoredSecret secret;
  std::vector<std::string> domains;  // canonical patterns as in the domains file
  bool relay = false;
  Profile profile = Profile::modern;
  unsigned strength = 128;
  Origin origin;
  [[nodiscard]] bool is_bound_to(std::string_view canonical_domain) const;  // exact, or .parent
};

class Accounts {
 public:
  static Accounts parse(const crypto::Engine& engine, std::string_view text, const std::string& file,
                        std::vector<Problem>& problems);
  // What a client claims: case-insensitive by user; an account written with a domain matches only that
  // domain, one written without matches any.
  [[nodiscard]] const Account* find(std::string_view domain, std::string_view user) const;
  [[nodiscard]] const Account* find(std::string_view account) const;
  [[nodiscard]] const std::vector<Account>& entries() const { return entries_; }
  // Wipes every secret, for programs that only need to know who may send as what.
  void forget_secrets();

 private:
  std::vector<Account> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace smtpseal::policy
