// What a running daemon says of itself on its control socket (map `info`). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace smtpseal::control {

using Time = std::int64_t;  // seconds since 1970, UTC

// The tables of a daemon.
struct TablesState {
  Time loaded = 0;      // when those in use were read; 0: none are in use
  std::string content;  // "3 rules, 1 credential, 2 accounts"
  std::string problem;  // why newer ones are not in use; empty: these are the newest

  bool operator==(const TablesState&) const = default;
};

struct DaemonState {
  std::string program;
  std::string version;
  std::uint64_t pid = 0;
  Time started = 0;
  TablesState tables;

  bool operator==(const DaemonState&) const = default;
};

// One line without its end: name=value, the values in xtext, in a fixed order. What is not printable ASCII in
// the texts becomes "?".
std::string format_state(const DaemonState& state);
// Takes what format_state() writes and nothing else.
[[nodiscard]] std::optional<DaemonState> parse_state(std::string_view text);

}  // namespace smtpseal::control
