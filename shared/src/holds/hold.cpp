#include "smtpseal/holds/hold.hpp"

#include <algorithm>
#include <array>

#include "../name_values.hpp"
#include "../tab_list.hpp"
#include "smtpseal/plain_text.hpp"
#include "smtpseal/policy/table_text.hpp"

namespace smtpseal::holds {
namespace {

constexpr std::array kKinds{Kind::refused, Kind::unanswered, Kind::begun};

Kind kind_of(NameValues& fields) {
  const auto word = fields.raw("kind");
  const auto* const found = std::ranges::find_if(kKinds, [&](Kind kind) { return name(kind) == word; });
  if (found != kKinds.end()) return *found;
  fields.refuse();
  return Kind::refused;
}

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::refused:
      return "refused";
    case Kind::unanswered:
      return "unanswered";
    case Kind::begun:
      break;
  }
  return "begun";
}

std::string format_hold(const Hold& hold) {
  return "account=" + smtp::to_xtext(hold.account) + " kind=" + std::string(name(hold.kind)) +
         " since=" + std::to_string(hold.since) + " until=" + std::to_string(hold.until) +
         " failures=" + std::to_string(hold.failures) + " peer=" + smtp::to_xtext(hold.peer) +
         " rule=" + smtp::to_xtext(hold.rule) + " reason=" + smtp::to_xtext(hold.reason);
}

std::optional<Hold> parse_hold(std::string_view text) {
  NameValues fields(text);
  Hold hold;
  hold.account = fields.text("account");
  hold.kind = kind_of(fields);
  hold.since = static_cast<Time>(fields.number("since"));
  hold.until = static_cast<Time>(fields.number("until"));
  hold.failures = fields.number("failures");
  hold.peer = fields.text("peer");
  hold.rule = fields.text("rule");
  hold.reason = fields.text("reason");
  const bool is_plain = hold.peer == plain_text(hold.peer) && hold.rule == plain_text(hold.rule) &&
                        hold.reason == plain_text(hold.reason);
  if (!fields.is_complete() || !is_plain || !policy::account_problem(hold.account).empty())
    return std::nullopt;
  // There is one way to write a hold; what is written otherwise was not written by us.
  if (format_hold(hold) != text) return std::nullopt;
  return hold;
}

std::string format_list(std::span<const Hold> holds) {
  return format_counted<Hold>(holds.size(), holds, format_hold, kMaxList);
}

std::optional<HoldList> parse_list(std::string_view text) {
  auto counted = parse_counted<Hold>(text, parse_hold);
  if (!counted) return std::nullopt;
  return HoldList{counted->first, std::move(counted->second)};
}

}  // namespace smtpseal::holds
