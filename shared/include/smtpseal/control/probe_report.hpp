// What a probe of the way to a domain found, as the relay tells it `smtpseal probe` (map `probe`). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smtpseal::control {

struct ProbeStep {
  std::string name;  // "connect", "login"
  bool is_ok = true;
  std::uint64_t milliseconds = 0;
  std::string detail;  // what was found, or why it failed; may hold what the peer said, octet by octet

  bool operator==(const ProbeStep&) const = default;
};

struct ProbeReport {
  std::string domain;   // canonical
  std::string rule;     // file:line; empty where there is none
  bool stands = false;  // the link is as the rule requires
  std::string verdict;  // in one sentence
  std::string mend;     // what to do; empty where nothing is to be done
  std::vector<ProbeStep> steps;

  bool operator==(const ProbeReport&) const = default;
};

inline constexpr std::size_t kMaxProbeText = 1000;  // octets of a text; the rest is cut off
inline constexpr std::size_t kMaxProbeSteps = 60;

// One line without its end: name=value, the values in xtext, a tab before each step. Steps beyond the limit
// are left out.
std::string format_probe(const ProbeReport& report);
// Takes what format_probe() writes and nothing else.
[[nodiscard]] std::optional<ProbeReport> parse_probe(std::string_view text);

// The question: a domain, and after how many seconds the relay is to give up.
struct ProbeRequest {
  std::string domain;
  std::uint64_t seconds = 0;
};
inline constexpr std::uint64_t kMaxProbeSeconds = 600;
std::string format_probe_request(const ProbeRequest& request);
// nullopt where a part is missing, or the time is 0 or beyond kMaxProbeSeconds.
[[nodiscard]] std::optional<ProbeRequest> parse_probe_request(std::string_view text);

// For a terminal: what is not printable ASCII as \xNN.
std::string visible(std::string_view text);

}  // namespace smtpseal::control
