#include "smtpseal/control/probe_report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "../name_values.hpp"
#include "../tab_list.hpp"

namespace smtpseal::control {
namespace {

std::string bounded_xtext(std::string_view text) {
  return smtp::to_xtext(text.substr(0, kMaxProbeText));
}

std::string format_flag(bool flag) {
  return flag ? "yes" : "no";
}

bool flag_of(NameValues& values, std::string_view name) {
  const auto word = values.raw(name);
  if (word != "yes" && word != "no") values.refuse();
  return word == "yes";
}

std::string format_step(const ProbeStep& step) {
  return "step=" + bounded_xtext(step.name) + " ok=" + format_flag(step.is_ok) +
         " ms=" + std::to_string(step.milliseconds) + " detail=" + bounded_xtext(step.detail);
}

std::optional<ProbeStep> parse_step(std::string_view text) {
  NameValues values(text);
  ProbeStep step;
  step.name = values.text("step");
  step.is_ok = flag_of(values, "ok");
  step.milliseconds = values.number("ms");
  step.detail = values.text("detail");
  return values.is_complete() ? std::optional(std::move(step)) : std::nullopt;
}

}  // namespace

std::string format_probe(const ProbeReport& report) {
  std::string text = "domain=" + bounded_xtext(report.domain) + " rule=" + bounded_xtext(report.rule) +
                     " stands=" + format_flag(report.stands) + " verdict=" + bounded_xtext(report.verdict) +
                     " mend=" + bounded_xtext(report.mend);
  for (std::size_t i = 0; i < std::min(report.steps.size(), kMaxProbeSteps); ++i)
    text.append("\t").append(format_step(report.steps[i]));
  return text;
}

std::optional<ProbeReport> parse_probe(std::string_view text) {
  NameValues head(head_of(text));
  ProbeReport report;
  report.domain = head.text("domain");
  report.rule = head.text("rule");
  report.stands = flag_of(head, "stands");
  report.verdict = head.text("verdict");
  report.mend = head.text("mend");
  auto steps = parse_items(text, parse_step);
  if (!head.is_complete() || !steps) return std::nullopt;
  report.steps = std::move(*steps);
  // There is one way to write it; what is written otherwise was not written by us.
  if (format_probe(report) != text) return std::nullopt;
  return report;
}

std::string format_probe_request(const ProbeRequest& request) {
  return std::to_string(request.seconds) + " " + request.domain;
}

std::optional<ProbeRequest> parse_probe_request(std::string_view text) {
  const auto space = std::min(text.find(' '), text.size());
  const auto seconds = decimal<std::uint64_t>(text.substr(0, space));
  const auto domain = text.substr(std::min(space + 1, text.size()));
  if (!seconds || *seconds == 0 || *seconds > kMaxProbeSeconds || domain.empty()) return std::nullopt;
  return ProbeRequest{std::string(domain), *seconds};
}

std::string visible(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c >= 0x20 && c < 0x7f) {
      result += c;
      continue;
    }
    std::array<char, 8> digits{};
    std::snprintf(digits.data(), digits.size(), "\\x%02x",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    result += digits.data();
  }
  return result;
}

}  // namespace smtpseal::control
