// Log lines of the daemons: one event a line, fixed words first, then key=value with the same id from connect
// to disconnect:
//   relay auth-failed id=7f3a client=192.0.2.7 user="EX\\anna" reason="wrong password"
// or, with log.format = "json", the same as one JSON object a line (RFC 8259):
//   {"time":"2026-11-30T18:53:33.120Z","level":"warning","program":"smtpseal-relay","pid":7,"event":
//   "auth-failed","id":"7f3a",...}
// Foreign text is always given through field(), which quotes, escapes and cuts it. Secrets have no printable
// type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace smtpseal::log {

enum class Level { debug, info, warning, error };

struct Settings {
  std::string program;
  Level least = Level::info;
  std::string target;  // "stderr", "syslog", "journal"
  std::string format;  // "text", "json"
};
// REQUIRES: called once, before the first line. Returns why the target cannot be written to; empty: it can.
[[nodiscard]] std::string open(const Settings& settings);
Level level_from(std::string_view name);

inline constexpr std::size_t kMaxFieldOctets = 200;

// Text safe for a log line: printable ASCII and UTF-8 as they are, the rest escaped, cut to kMaxFieldOctets.
std::string printable(std::string_view text);

// What stands between the braces of a line in JSON, for a field: ,"key":"value", in UTF-8 whatever the value
// is, cut to kMaxFieldOctets.
std::string json_field(std::string_view key, std::string_view value);

// One line, written when the object ends.
class Line {
 public:
  Line(Level level, std::string_view event);
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line();

  Line& field(std::string_view key, std::string_view value);
  Line& field(std::string_view key, const char* value) { return field(key, std::string_view(value)); }
  Line& field(std::string_view key, std::uint64_t value);
  // Left out where the value is empty.
  Line& optional(std::string_view key, std::string_view value) {
    return value.empty() ? *this : field(key, value);
  }

 private:
  Level level_;
  bool wanted_;
  std::string text_;
};

inline Line debug(std::string_view event) {
  return {Level::debug, event};
}
inline Line info(std::string_view event) {
  return {Level::info, event};
}
inline Line warning(std::string_view event) {
  return {Level::warning, event};
}
inline Line error(std::string_view event) {
  return {Level::error, event};
}

}  // namespace smtpseal::log
