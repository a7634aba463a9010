#include <iostream>

#include "commands.hpp"
#include "control.hpp"
#include "json_output.hpp"
#include "output.hpp"
#include "smtpseal/control/session_list.hpp"

namespace smtpseal::cli {
namespace {

using control::SessionInfo;
using control::SessionList;

SessionList find_out(Context& context) {
  const auto reply = ask_relay(context, "sessions");
  if (!reply) throw Failure(not_running(context, "relay"));
  return understood(control::parse_sessions(reply->text));
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

// "3 s", "5 min", "2 h".
std::string age(std::uint64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h";
}

std::string protection(const SessionInfo& info) {
  std::string text(session::name(info.protection));
  if (info.bits > 0) text += " " + std::to_string(info.bits);
  if (!info.tls.empty() && info.protection != session::Protection::tls) text += ", tls";
  return text;
}

void print_table(const SessionList& list) {
  if (list.total == 0) {
    std::cout << "no session is open\n";
    return;
  }
  Columns columns(
      {"", "ID", "PEER", "DOMAIN", "ACCOUNT", "PROTECTION", "AGE", "MESSAGES", "SEALED", "UNSEALED", "DOES"});
  for (const auto& info : list.sessions)
    columns.add({std::string(name(info.direction)), info.id, info.peer, or_dash(info.domain),
                 or_dash(info.account), protection(info), age(info.seconds), std::to_string(info.messages),
                 std::to_string(info.sealed), std::to_string(info.unsealed),
                 std::string(name(info.activity))});
  columns.print(std::cout);
  if (list.total > list.sessions.size())
    std::cout << "and " << list.total - list.sessions.size() << " more\n";
}

Json as_json(const SessionList& list) {
  Json sessions = Json::array();
  for (const auto& info : list.sessions)
    sessions.push_back({{"direction", name(info.direction)},
                        {"id", info.id},
                        {"peer", info.peer},
                        {"account", info.account},
                        {"domain", info.domain},
                        {"status", session::name(info.protection)},
                        {"bits", info.bits},
                        {"tls", info.tls},
                        {"seconds", info.seconds},
                        {"messages", info.messages},
                        {"sealed", info.sealed},
                        {"unsealed", info.unsealed},
                        {"activity", name(info.activity)}});
  return {{"total", list.total}, {"sessions", std::move(sessions)}};
}

int show(Context& context, bool wants_json) {
  const auto list = find_out(context);
  wants_json ? print_json(as_json(list)) : print_table(list);
  return kSuccess;
}

}  // namespace

void add_sessions_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("sessions", "Show the sessions that smtpseal-relay has open");
  auto wants_json = std::make_shared<bool>(false);
  command->add_flag("--json", *wants_json, "For programs");
  command->footer("\"in\": clients of this host; \"out\": next hops. SEALED and UNSEALED are octets.");
  command->callback([&context, wants_json] { context.status = show(context, *wants_json); });
}

}  // namespace smtpseal::cli
