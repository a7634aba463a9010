// The sessions a relay has open, as it answers `smtpseal sessions` (map `sessions`). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/session/session_security.hpp"

namespace smtpseal::control {

enum class Direction { in, out };
std::string_view name(Direction direction);

enum class Activity {
  login,  // not ready for mail yet: connecting, TLS, AUTH
  idle,
  mail,  // in a transaction, before content
  data,
};
std::string_view name(Activity activity);

struct SessionInfo {
  Direction direction = Direction::in;
  std::string id;
  std::string peer;     // name[address], or an address
  std::string account;  // empty without a login
  std::string domain;   // the recipients'; outbound
  session::Protection protection = session::Protection::none;
  std::uint64_t bits = 0;
  std::string tls;            // version; empty without
  std::uint64_t seconds = 0;  // since it was opened
  std::uint64_t messages = 0;
  std::uint64_t sealed = 0;  // octets
  std::uint64_t unsealed = 0;
  Activity activity = Activity::idle;

  bool operator==(const SessionInfo&) const = default;
};

struct SessionList {
  std::uint64_t total = 0;  // open sessions, of which some may not be in the list
  std::vector<SessionInfo> sessions;
};

inline constexpr std::size_t kMaxSessions = 500;
inline constexpr std::size_t kMaxSessionList = 90000;  // octets

// One line of at most kMaxSessionList octets: name=value, the values in xtext, a tab between sessions. What
// is not printable ASCII in the texts becomes "?".
std::string format_sessions(std::uint64_t total, std::span<const SessionInfo> sessions);
// Takes what format_sessions() writes and nothing else.
[[nodiscard]] std::optional<SessionList> parse_sessions(std::string_view text);

}  // namespace smtpseal::control
