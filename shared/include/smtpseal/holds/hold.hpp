// An account that is not to be tried, and why: what the relay remembers, writes down and shows. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace smtpseal::holds {

using Time = std::int64_t;  // seconds since 1970, UTC

enum class Kind {
  refused,     // the next hop refused the login
  unanswered,  // the credential was shown and no verdict came: it may have been counted as a failed login
  begun,       // a login is under way; in the file of a relay that has ended, one that had no answer
};
std::string_view name(Kind kind);

struct Hold {
  std::string account;  // as in the credentials file
  Kind kind = Kind::refused;
  Time since = 0;
  Time until = 0;              // without meaning for `begun`
  std::uint64_t failures = 0;  // logins in a row that were refused or had no verdict
  std::string peer;            // host[address]
  std::string rule;            // file:line
  std::string reason;          // what the peer said, or how the connection ended

  bool operator==(const Hold&) const = default;
};

// One line without its end: name=value, the values in xtext, in a fixed order.
std::string format_hold(const Hold& hold);
// Takes what format_hold() writes and nothing else.
[[nodiscard]] std::optional<Hold> parse_hold(std::string_view text);

// What the relay answers `smtpseal holds`: one line of at most kMaxList octets, which may not have room for
// all.
inline constexpr std::size_t kMaxList = 90000;
struct HoldList {
  std::uint64_t total = 0;
  std::vector<Hold> holds;
};
std::string format_list(std::span<const Hold> holds);
[[nodiscard]] std::optional<HoldList> parse_list(std::string_view text);

}  // namespace smtpseal::holds
