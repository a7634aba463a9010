// The domains file: what is required of sessions to (and from) a domain. Loaded whole, validated whole,
// immutable after; lookups cost one hash probe for each label of the name, however large the map is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "smtpseal/policy/address.hpp"
#include "smtpseal/policy/tls_rule.hpp"
#include "smtpseal/session/framing.hpp"

namespace smtpseal::policy {

// What is asked of a session, each more than the one before: nothing; TLS alone, without a login; a login; a
// login and a seal.
enum class Level { none, tls, auth, seal };
enum class Profile { modern, exchange_55, exchange_50 };
enum class OnFailure { defer, bounce };
enum class InboundRule { any, require };
enum class Mode { enforce, report };
enum class BodyRule { as_is, seven_bit };
enum class Rc4State { shared, separate };
enum class Mechanism { ntlm, plain, login };

// Where a rule was written, for every message about it: "/etc/smtpseal/domains:12".
struct Origin {
  std::string file;
  unsigned line = 0;  // from 1; 0: the file as a whole
  [[nodiscard]] std::string text() const { return line == 0 ? file : file + ":" + std::to_string(line); }
};

struct Nexthop {
  std::string host;         // name, or address literal without brackets
  std::uint16_t port = 25;  // where the entry gives none
  bool mx_lookup = true;    // false for [host] and for address literals
};

// One line of the domains file.
struct DomainRule {
  std::string pattern;  // canonical: "partner.example", ".partner.example" or "*"
  Level level = Level::none;
  std::string
      account;  // as written: DOMAIN\user or user; names a line of the credentials file. Levels auth, seal
  std::vector<Mechanism> mechanisms{Mechanism::ntlm};  // to log on with, in this order
  TlsRule tls;
  Profile profile = Profile::modern;
  unsigned strength = 128;                // 40, 56, 128: least strength of the seal, in bits, both ways
  session::Framing framing;               // for the initiating side
  Rc4State rc4_state = Rc4State::shared;  // separate: take a peer that keeps two RC4 states without ESS
  std::optional<Nexthop> nexthop;         // nexthop=[host]:port instead of MX lookup
  OnFailure on_failure = OnFailure::defer;
  BodyRule body = BodyRule::as_is;  // body=7bit: the next hop does not do 8BITMIME, so Postfix is to convert
  InboundRule inbound = InboundRule::any;
  std::string inbound_account;
  Mode mode = Mode::enforce;
  Origin origin;

  // What is weaker than the default, in words ("NTLMv1 (profile=exchange-5.5), 40 bit (strength=40)"); empty:
  // nothing is.
  [[nodiscard]] std::string weaknesses() const;
  // Whether a login may show the password itself.
  [[nodiscard]] bool shows_password() const;
};
std::string_view name(Level level);
std::string_view name(Mechanism mechanism);  // as in SASL: "NTLM"
std::string_view name(Profile profile);

// One thing wrong with a file.
struct Problem {
  Origin origin;
  std::string text;  // names the attribute, the value and what is allowed
  [[nodiscard]] std::string message() const { return origin.text() + ": " + text; }
};

class DomainMap {
 public:
  // Parses the text of a domains file named `file`. Every problem found is appended to `problems`; where
  // there is one, the result must not be used. Repeated patterns are a problem.
  static DomainMap parse(std::string_view text, const std::string& file, std::vector<Problem>& problems);

  // exact, then .parent longest first, then "*". `domain` must be canonical. nullptr: not listed.
  // Never suspends, never allocates for names of up to 253 octets.
  [[nodiscard]] const DomainRule* find(std::string_view domain) const;
  [[nodiscard]] const std::vector<DomainRule>& rules() const { return rules_; }  // in file order
  // Whether any rule asks for more than level none; where none does, no form of address can hide a listed
  // domain.
  [[nodiscard]] bool secures_any() const { return secures_any_; }
  // Whether any rule has inbound=require; where none has, senders need not be looked at.
  [[nodiscard]] bool requires_any() const { return requires_any_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::vector<DomainRule> rules_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
  bool secures_any_ = false;
  bool requires_any_ = false;
};

}  // namespace smtpseal::policy
