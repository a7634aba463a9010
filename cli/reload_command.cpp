#include <algorithm>
#include <iostream>

#include "commands.hpp"
#include "json_output.hpp"
#include "reload.hpp"

namespace smtpseal::cli {
namespace {

using Kind = ReloadResult::Kind;

const char* name(Kind kind) {
  switch (kind) {
    case Kind::reloaded:
      return "reloaded";
    case Kind::not_running:
      return "not-running";
    case Kind::refused:
      break;
  }
  return "refused";
}

Json as_json(const std::vector<ReloadResult>& results) {
  Json list = Json::array();
  for (const auto& each : results)
    list.push_back({{"daemon", each.daemon}, {"result", name(each.kind)}, {"text", each.text}});
  return {{"daemons", std::move(list)}};
}

int reload(Context& context, bool wants_json) {
  const auto results = reload_daemons(context);
  if (wants_json) {
    print_json(as_json(results));
  } else {
    for (const auto& each : results)
      std::cout << each.daemon << ": " << (each.kind == Kind::refused ? "NOT RELOADED: " : "") << each.text
                << '\n';
  }
  const bool is_refused =
      std::ranges::any_of(results, [](const auto& each) { return each.kind == Kind::refused; });
  return is_refused ? kProblem : kSuccess;
}

}  // namespace

void add_reload_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("reload", "Make the running daemons read the tables anew");
  auto wants_json = std::make_shared<bool>(false);
  command->add_flag("--json", *wants_json, "For programs");
  command->footer(
      "Tables with a mistake are not used: the daemons keep what they have. Exit status 1 then. A daemon "
      "that does not run is no "
      "mistake: it reads the tables when it starts.");
  command->callback([&context, wants_json] { context.status = reload(context, *wants_json); });
}

}  // namespace smtpseal::cli
