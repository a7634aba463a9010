#include "smtpseal/policy/transport_table.hpp"

#include <idn2.h>

#include <memory>
#include <vector>

namespace smtpseal::policy {
namespace {

using postfix::SocketmapReply;
using postfix::SocketmapStatus;

// Exchange 5.x offers no 8BITMIME (Q262945), so that Postfix has to convert.
const std::string& target_for(const TransportTargets& targets, const DomainRule* rule) {
  const bool seven_bit =
      rule != nullptr && (rule->body == BodyRule::seven_bit || rule->profile != Profile::modern);
  return seven_bit ? targets.relay_seven_bit : targets.relay;
}

// The U-label form of an A-label pattern; empty where there is none that differs.
std::string unicode_form(const std::string& pattern) {
  if (pattern.find("xn--") == std::string::npos) return {};
  const bool subdomains = pattern.starts_with('.');
  char* converted = nullptr;
  const int status =
      ::idn2_to_unicode_8z8z(pattern.c_str() + (subdomains ? 1 : 0), &converted, IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> owner(converted, ::idn2_free);
  if (status != IDN2_OK || converted == nullptr) return {};
  std::string text = (subdomains ? "." : "") + std::string(converted);
  return text == pattern ? std::string() : text;
}

std::vector<std::string> spellings(const std::string& pattern) {
  std::vector<std::string> forms{pattern};
  if (auto unicode = unicode_form(pattern); !unicode.empty()) forms.push_back(std::move(unicode));
  return forms;
}

std::string header(const PolicySet& set, std::string_view kind) {
  const auto& rules = set.domains.rules();
  std::string text = "# " + std::string(kind) + ", written by: smtpseal export postfix\n";
  text += "# " + std::to_string(rules.size()) + " rules" +
          (rules.empty() ? "" : " of " + rules.front().origin.file);
  return text + ". Do not edit; export again after every change of the rules.\n";
}

// What stands between the parts of a local part, and what a domain is made of; the same sets as
// address_domains() uses, as far as ASCII goes.
constexpr std::string_view kSeparator = "[]\"%!@()<>[:;,\\\\[:space:]]";
constexpr std::string_view kDomainChar = "[^]\"%!@()<>[:;,\\\\[:space:]]";

std::string escaped(std::string_view literal) {
  std::string text;
  for (const char c : literal) {
    // "/" would end the pattern, the others are operators of regex(7).
    if (std::string_view("/\\.[](){}*+?^$|").find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

// A domain that `pattern` lists, as it can stand in a local part.
std::string hidden_expression(const std::string& pattern) {
  const std::string some = std::string(kDomainChar) + "+";
  if (pattern == "*") return some + "\\." + some;
  return (pattern.starts_with('.') ? some : std::string()) + escaped(pattern) + "\\.?";
}

void append_hidden(std::string& text, const std::string& pattern, const std::string& target) {
  const std::string separator(kSeparator);
  const std::string piece = "(.*" + separator + ")?" + hidden_expression(pattern);
  const std::string behind = "(" + separator + ".*)?";
  text += "/[%@]" + piece + behind + "@[^@]*$/ " + target + "\n";
  text += "/^" + piece + behind + "!.*@[^@]*$/ " + target + "\n";
}

}  // namespace

SocketmapReply transport_lookup(const PolicySet* set, const TransportTargets& targets, std::string_view key) {
  if (set == nullptr) {
    return {SocketmapStatus::temp, "the smtpseal domain map could not be loaded; run smtpseal check"};
  }
  const auto decision = decide(*set, key);
  if (decision.kind == Decision::Kind::not_listed) return {SocketmapStatus::notfound, {}};
  return {SocketmapStatus::ok, target_for(targets, decision.rule)};
}

std::string export_transport_table(const PolicySet& set, const TransportTargets& targets) {
  std::string text = header(set, "transport(5) table");
  text += "# Use: postmap FILE, then in main.cf:  transport_maps = regexp:FILE.regexp, hash:FILE\n";
  text += "# (lmdb:, cdb: and texthash: work alike; FILE.regexp is the export with --regexp).\n";
  for (const auto& rule : set.domains.rules()) {
    const std::string value = rule.level == Level::none ? ":" : target_for(targets, &rule);
    for (const auto& spelling : spellings(rule.pattern)) text += spelling + "\t" + value + "\n";
  }
  return text;
}

std::string export_transport_regexp(const PolicySet& set, const TransportTargets& targets) {
  std::string text = header(set, "regexp_table(5) of address forms that hide a listed domain");
  text += "# Use in main.cf, before the table by domain:  transport_maps = regexp:FILE.regexp, hash:FILE\n";
  text += "# What matches goes to the relay, which answers with the reason.\n";
  for (const auto& rule : set.domains.rules()) {
    if (rule.level == Level::none) continue;
    for (const auto& spelling : spellings(rule.pattern))
      append_hidden(text, spelling, target_for(targets, &rule));
  }
  return text;
}

}  // namespace smtpseal::policy
