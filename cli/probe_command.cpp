#include <unistd.h>

#include "commands.hpp"
#include "control.hpp"
#include "json_output.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "smtpseal/control/probe_report.hpp"

namespace smtpseal::cli {
namespace {

using control::ProbeReport;
using control::visible;

constexpr std::uint64_t kUsualSeconds = 60;
// The last step may begin right before the time is over.
constexpr std::chrono::seconds kGrace{10};

struct Options {
  std::string domain;
  std::uint64_t seconds = kUsualSeconds;
  bool as_json = false;
};

ProbeReport ask(Context& context, const Options& options) {
  Progress progress;
  progress.show("probing " + visible(options.domain) + ", at most " + std::to_string(options.seconds) + " s");
  const auto key = control::format_probe_request({options.domain, options.seconds});
  const auto reply = ask_relay(context, "probe", key, std::chrono::seconds(options.seconds) + kGrace);
  if (!reply)
    throw Failure(not_running(context, "relay") +
                  "; a probe is made by the running relay: systemctl start smtpseal-relay");
  return understood(control::parse_probe(reply->text));
}

std::string mark(bool is_ok) {
  if (::isatty(STDOUT_FILENO) != 0) return is_ok ? "✓" : "✗";
  return is_ok ? "ok" : "FAILED";
}

void print_text(const ProbeReport& report) {
  if (!report.steps.empty()) {
    Columns columns({"", "STEP", "MS", "WHAT WAS FOUND"});
    for (const auto& step : report.steps)
      columns.add(
          {mark(step.is_ok), visible(step.name), std::to_string(step.milliseconds), visible(step.detail)});
    columns.print(std::cout);
    std::cout << '\n';
  }
  std::cout << mark(report.stands) << ' ' << visible(report.domain) << ": " << visible(report.verdict)
            << '\n';
  if (!report.mend.empty()) std::cout << "  mend: " << visible(report.mend) << '\n';
}

void print_report(const ProbeReport& report) {
  Json json{{"domain", report.domain},   {"rule", report.rule}, {"stands", report.stands},
            {"verdict", report.verdict}, {"mend", report.mend}, {"steps", Json::array()}};
  for (const auto& step : report.steps)
    json["steps"].push_back({{"name", step.name},
                             {"ok", step.is_ok},
                             {"milliseconds", step.milliseconds},
                             {"detail", step.detail}});
  print_json(json);
}

int probe(Context& context, const Options& options) {
  const auto report = ask(context, options);
  options.as_json ? print_report(report) : print_text(report);
  return report.stands ? kSuccess : kProblem;
}

}  // namespace

void add_probe_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "probe",
      "Open a session with the next hop of a domain, as mail to it would, and say step by step how it "
      "stands");
  auto options = std::make_shared<Options>();
  command->add_option("DOMAIN", options->domain, "as behind the @ of an address")->required();
  command->add_option("--timeout", options->seconds, "Seconds for all of it; default 60")
      ->check(CLI::Range(std::uint64_t{1}, control::kMaxProbeSeconds))
      ->type_name("SECONDS");
  command->add_flag("--json", options->as_json, "For programs");
  command->footer(
      "No mail is sent. The login counts as one of mail's: where it is refused, the account is on hold. Exit "
      "status 1 "
      "where mail would not go.");
  command->callback([&context, options] { context.status = probe(context, *options); });
}

}  // namespace smtpseal::cli
