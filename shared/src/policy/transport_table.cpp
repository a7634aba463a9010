#include "smtpseal/policy/transport_table.hpp"

#include <array>

#include "exported_text.hpp"

namespace smtpseal::policy {
namespace {

using postfix::SocketmapReply;
using postfix::SocketmapStatus;

constexpr std::string_view kCommand = "smtpseal export postfix";

const std::string& target_for(const TransportTargets& targets, const DomainRule* rule) {
  return needs_seven_bit(rule) ? targets.relay_seven_bit : targets.relay;
}

// What stands between the parts of a local part, and what a domain is made of; the same sets as
// address_domains() uses, as far as ASCII goes.
constexpr std::string_view kSeparator = "[][\"%!@()<>:;,\\\\[:space:]]";
constexpr std::string_view kDomainChar = "[^][\"%!@()<>:;,\\\\[:space:]]";

std::string escaped(std::string_view literal) {
  std::string text;
  for (const char c : literal) {
    // "/" would end the pattern, the others are operators of regex(7).
    if (std::string_view("/\\.[](){}*+?^$|").find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

// How the UTF-8 of characters begins that UTS 46 maps to letters, digits, the hyphen or the dot of ASCII,
// ignores, or composes with their neighbour: full width forms, letters in circles, the ideographic full stop,
// soft hyphens, ... A domain with one of them can be another spelling of a listed domain. Input methods make
// some of them, but mail programs send the mapped form. Found by trying every code point; where a block holds
// hardly anything else, its common start stands for all of it.
constexpr std::array kMappedCharacters = std::to_array<std::string_view>(
    {"\xC2\xAA",     "\xC2\xAD",     "\xC2\xB2",     "\xC2\xB3",     "\xC2\xB9",         "\xC2\xBA",
     "\xC4\xB2",     "\xC4\xB3",     "\xC5\xBF",     "\xC7\x87",     "\xC7\x88",         "\xC7\x89",
     "\xC7\x8A",     "\xC7\x8B",     "\xC7\x8C",     "\xC7\xB1",     "\xC7\xB2",         "\xC7\xB3",
     "\xCA\xB0",     "\xCA\xB2",     "\xCA\xB3",     "\xCA\xB7",     "\xCA\xB8",         "\xCB\xA1",
     "\xCB\xA2",     "\xCB\xA3",     "\xCD\x8F",     "\xE1\xA0\x8B", "\xE1\xA0\x8C",     "\xE1\xA0\x8D",
     "\xE1\xA0\x8F", "\xE1\xB4",     "\xE1\xB5",     "\xE1\xB6",     "\xE1\xBA\x9E",     "\xE1\xBF\xAF",
     "\xE2\xA9",     "\xE2\x80",     "\xE2\x81",     "\xE2\x82",     "\xE2\x84",         "\xE2\x85",
     "\xE2\x91",     "\xE2\x92",     "\xE2\x93",     "\xE2\xB1\xBC", "\xE2\xB1\xBD",     "\xE3\x80\x80",
     "\xE3\x80\x82", "\xE3\x89",     "\xE3\x8A",     "\xE3\x8B",     "\xE3\x8D",         "\xE3\x8E",
     "\xE3\x8F",     "\xEA\x9F\xB2", "\xEA\x9F\xB3", "\xEA\x9F\xB4", "\xEF\xAC",         "\xEF\xB8",
     "\xEF\xB9",     "\xEF\xBB\xBF", "\xEF\xBC",     "\xEF\xBD",     "\xF0\x90\x9E\xA5", "\xF0\x9B\xB2",
     "\xF0\x9D\x90", "\xF0\x9D\x91", "\xF0\x9D\x92", "\xF0\x9D\x93", "\xF0\x9D\x94",     "\xF0\x9D\x95",
     "\xF0\x9D\x96", "\xF0\x9D\x97", "\xF0\x9D\x98", "\xF0\x9D\x99", "\xF0\x9D\x9A",     "\xF0\x9D\x9B",
     "\xF0\x9D\x9C", "\xF0\x9D\x9D", "\xF0\x9D\x9E", "\xF0\x9D\x9F", "\xF0\x9F\x84",     "\xF0\x9F\x85",
     "\xF0\x9F\x86", "\xF0\x9F\xAF", "\xF3\xA0\x84", "\xF3\xA0\x85", "\xF3\xA0\x86",     "\xF3\xA0\x87",
     "\xCC"});

// One of them in the domain, or in what a local part names behind a "%" or "@" or before a "!".
void append_mapped(std::string& text, const std::string& target) {
  std::string any;
  for (const auto sequence : kMappedCharacters) any.append(any.empty() ? "" : "|").append(sequence);
  text += "/[%@].*(" + any + ")/ " + target + "\n";
  text += "/(" + any + ").*!.*@/ " + target + "\n";
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

bool needs_seven_bit(const DomainRule* rule) {
  // Exchange 5.x offers no 8BITMIME (Q262945).
  return rule != nullptr && (rule->body == BodyRule::seven_bit || rule->profile != Profile::modern);
}

SocketmapReply no_tables() {
  return {SocketmapStatus::temp, "the smtpseal domain map could not be loaded; run smtpseal check"};
}

SocketmapReply transport_lookup(const PolicySet* set, const TransportTargets& targets, std::string_view key) {
  if (set == nullptr) return no_tables();
  const auto decision = decide(*set, key);
  if (decision.kind == Decision::Kind::not_listed) return {SocketmapStatus::notfound, {}};
  return {SocketmapStatus::ok, target_for(targets, decision.rule)};
}

std::string export_transport_table(const PolicySet& set, const TransportTargets& targets) {
  std::string text = table_header(set, "transport(5) table", kCommand);
  text += "# Use: postmap FILE, then in main.cf:  transport_maps = regexp:FILE.regexp, hash:FILE\n";
  text += "# (lmdb:, cdb: and texthash: work alike; FILE.regexp is the export with --regexp).\n";
  for (const auto& rule : set.domains.rules()) {
    const std::string value = rule.level == Level::none ? ":" : target_for(targets, &rule);
    for (const auto& spelling : spellings(rule.pattern)) {
      text.append(spelling).append("\t").append(value).append("\n");
    }
  }
  return text;
}

std::string export_transport_regexp(const PolicySet& set, const TransportTargets& targets) {
  std::string text =
      table_header(set, "regexp_table(5) of address forms that hide a listed domain", kCommand);
  text += "# Use in main.cf, before the table by domain:  transport_maps = regexp:FILE.regexp, hash:FILE\n";
  text +=
      "# What matches goes to the relay, which answers with the reason. The last two lines hold parts of "
      "UTF-8\n";
  text += "# characters, as octets.\n";
  for (const auto& rule : set.domains.rules()) {
    if (rule.level == Level::none) continue;
    for (const auto& spelling : spellings(rule.pattern))
      append_hidden(text, spelling, target_for(targets, &rule));
  }
  if (set.domains.secures_any()) append_mapped(text, targets.relay);
  return text;
}

}  // namespace smtpseal::policy
