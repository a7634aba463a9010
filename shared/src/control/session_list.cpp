#include "smtpseal/control/session_list.hpp"

#include <algorithm>
#include <array>

#include "../name_values.hpp"
#include "../tab_list.hpp"

namespace smtpseal::control {
namespace {

constexpr std::array kDirections{Direction::in, Direction::out};
constexpr std::array kActivities{Activity::login, Activity::idle, Activity::mail, Activity::data};

std::string format_session(const SessionInfo& info) {
  return "direction=" + std::string(name(info.direction)) + " id=" + plain_xtext(info.id) +
         " peer=" + plain_xtext(info.peer) + " account=" + plain_xtext(info.account) +
         " domain=" + plain_xtext(info.domain) + " status=" + std::string(session::name(info.protection)) +
         " bits=" + std::to_string(info.bits) + " tls=" + plain_xtext(info.tls) +
         " seconds=" + std::to_string(info.seconds) + " messages=" + std::to_string(info.messages) +
         " sealed=" + std::to_string(info.sealed) + " unsealed=" + std::to_string(info.unsealed) +
         " activity=" + std::string(name(info.activity));
}

template <class Words>
auto one_of(NameValues& values, std::string_view field, const Words& words) {
  const auto text = values.raw(field);
  const auto found = std::ranges::find_if(words, [&](auto word) { return name(word) == text; });
  if (found != words.end()) return *found;
  values.refuse();
  return words.front();
}

session::Protection protection_of(NameValues& values) {
  const auto protection = session::protection_from(values.raw("status"));
  if (!protection) values.refuse();
  return protection.value_or(session::Protection::none);
}

std::optional<SessionInfo> parse_session(std::string_view text) {
  NameValues values(text);
  SessionInfo info;
  info.direction = one_of(values, "direction", kDirections);
  info.id = values.text("id");
  info.peer = values.text("peer");
  info.account = values.text("account");
  info.domain = values.text("domain");
  info.protection = protection_of(values);
  info.bits = values.number("bits");
  info.tls = values.text("tls");
  info.seconds = values.number("seconds");
  info.messages = values.number("messages");
  info.sealed = values.number("sealed");
  info.unsealed = values.number("unsealed");
  info.activity = one_of(values, "activity", kActivities);
  if (!values.is_complete() || format_session(info) != text) return std::nullopt;
  return info;
}

}  // namespace

std::string_view name(Direction direction) {
  return direction == Direction::in ? "in" : "out";
}

std::string_view name(Activity activity) {
  switch (activity) {
    case Activity::login:
      return "login";
    case Activity::idle:
      return "idle";
    case Activity::mail:
      return "mail";
    case Activity::data:
      break;
  }
  return "data";
}

std::string format_sessions(std::uint64_t total, std::span<const SessionInfo> sessions) {
  const auto shown = sessions.first(std::min(sessions.size(), kMaxSessions));
  return format_counted<SessionInfo>(total, shown, format_session, kMaxSessionList);
}

std::optional<SessionList> parse_sessions(std::string_view text) {
  auto counted = parse_counted<SessionInfo>(text, parse_session);
  if (!counted) return std::nullopt;
  return SessionList{counted->first, std::move(counted->second)};
}

}  // namespace smtpseal::control
