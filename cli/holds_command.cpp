#include <ctime>

#include "commands.hpp"
#include "control.hpp"
#include "json_output.hpp"
#include "output.hpp"
#include "printable.hpp"
#include "smtpseal/holds/hold_file.hpp"
#include "smtpseal/time_text.hpp"

namespace smtpseal::cli {
namespace {

using holds::Hold;
using holds::Kind;
using postfix::SocketmapStatus;

struct Options {
  bool as_json = false;
  std::string account;
};

// What is to be shown, and who says so.
struct Report {
  holds::HoldList list;
  std::string file;  // empty: the running relay said it
};

Report from_file(Context& context) {
  const auto& directory = context.values().text("relay.state_directory");
  if (directory.empty())
    throw Failure(not_running(context, "relay") + ", and relay.state_directory is empty");
  const holds::HoldFile file(directory);
  auto content = file.read();
  if (!content.holds)
    throw Failure(not_running(context, "relay") + "; " + file.path() + ": " + content.problem);
  Report report;
  report.file = file.path();
  const holds::Time now = std::time(nullptr);
  for (auto& each : *content.holds)
    if (each.hold.kind == Kind::begun || each.hold.until > now)
      report.list.holds.push_back(std::move(each.hold));
  report.list.total = report.list.holds.size();
  return report;
}

Report find_out(Context& context) {
  const auto reply = ask_relay(context, "holds");
  if (!reply) return from_file(context);
  return {understood(holds::parse_list(reply->text)), {}};
}

std::string why(const Hold& hold) {
  if (hold.kind == Kind::begun) return "the relay ended during a login";
  return (hold.kind == Kind::refused ? "login refused: " : "login without a verdict: ") + hold.reason;
}

void print_table(const Report& report) {
  if (report.list.holds.empty()) {
    std::cout << "no account is on hold\n";
  } else {
    Columns columns({"ACCOUNT", "SINCE", "UNTIL", "PEER", "RULE", "WHY"});
    for (const auto& hold : report.list.holds) {
      columns.add({printable(hold.account), local_time_text(hold.since),
                   hold.kind == Kind::begun ? "-" : local_time_text(hold.until), hold.peer, hold.rule,
                   why(hold)});
    }
    columns.print(std::cout);
  }
  if (report.list.total > report.list.holds.size())
    std::cout << "and " << report.list.total - report.list.holds.size() << " more\n";
  if (!report.file.empty())
    std::cout << "smtpseal-relay does not run; this is what " << report.file << " keeps for its next start\n";
}

Json as_json(const Report& report) {
  Json list = Json::array();
  for (const auto& hold : report.list.holds) {
    list.push_back({{"account", hold.account},
                    {"kind", name(hold.kind)},
                    {"since", hold.since},
                    {"until", hold.until},
                    {"failures", hold.failures},
                    {"peer", hold.peer},
                    {"rule", hold.rule},
                    {"reason", hold.reason}});
  }
  return {{"source", report.file.empty() ? "relay" : report.file},
          {"total", report.list.total},
          {"holds", std::move(list)}};
}

int show(Context& context, const Options& options) {
  const auto report = find_out(context);
  options.as_json ? print_json(as_json(report)) : print_table(report);
  return kSuccess;
}

int lift(Context& context, const std::string& account) {
  const auto reply = ask_relay(context, "lift", account);
  if (!reply) throw Failure(not_running(context, "relay") + "; holds are lifted while it runs");
  if (reply->status == SocketmapStatus::notfound)
    throw Failure(account + " is not on hold; what is: smtpseal holds");
  std::cout << account << ": " << printable(reply->text) << '\n';
  return kSuccess;
}

}  // namespace

void add_holds_command(CLI::App& app, Context& context) {
  auto* holds_command =
      app.add_subcommand("holds", "Show which accounts are not tried, since a login failed");
  holds_command->require_subcommand(0, 1);
  auto options = std::make_shared<Options>();
  holds_command->add_flag("--json", options->as_json, "For programs; times are seconds since 1970");
  auto* lift_command = holds_command->add_subcommand("lift", "Let the next message try the account again");
  lift_command->add_option("ACCOUNT", options->account, "as in the list")->required();
  lift_command->callback([&context, options] { context.status = lift(context, options->account); });
  holds_command->callback([&context, options, holds_command] {
    if (holds_command->get_subcommands().empty()) context.status = show(context, *options);
  });
}

}  // namespace smtpseal::cli
