#include <algorithm>
#include <cmath>
#include <iostream>

#include "commands.hpp"
#include "control.hpp"
#include "figure_table.hpp"
#include "json_output.hpp"
#include "output.hpp"

namespace smtpseal::cli {
namespace {

using control::Family;
using postfix::SocketmapStatus;

struct Options {
  bool as_json = false;
  bool raw = false;
};

struct Answer {
  std::string daemon;            // "relay"
  std::string text;              // as it came; empty where the daemon does not run, or says nothing usable
  std::vector<Family> families;  // what stands in it
  std::string problem;           // why it says nothing usable; empty: it does, or does not run
};

Answer ask(Context& context, const std::string& daemon) {
  Answer answer{daemon, {}, {}, {}};
  try {
    const auto reply = ask_daemon(context, daemon, "stats");
    if (!reply) return answer;
    auto families = reply->status == SocketmapStatus::ok ? control::parse_figures(reply->text) : std::nullopt;
    if (!families) {
      answer.problem = reply->status == SocketmapStatus::ok
                           ? "gives an answer that smtpseal does not understand"
                           : "refuses to answer: " + reply->text;
      return answer;
    }
    answer.text = reply->text;
    answer.families = std::move(*families);
  } catch (const Failure& failure) {
    answer.problem = failure.what();
  }
  return answer;
}

void print_raw(const std::vector<Answer>& answers) {
  for (const auto& answer : answers) {
    std::cout << answer.text;
    // Not among the figures, which are for programs.
    if (answer.families.empty())
      std::cerr << "smtpseal: smtpseal-" << answer.daemon
                << (answer.problem.empty() ? " does not run" : ": " + answer.problem) << '\n';
  }
}

// JSON has no infinity and no NaN.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json as_json(const std::vector<Answer>& answers) {
  Json daemons = Json::array();
  for (const auto& answer : answers) {
    Json figures = Json::array();
    for (const auto& family : answer.families)
      for (const auto& sample : family.samples)
        figures.push_back(
            {{"name", sample.name},
             {"type", family.type},
             {"labels", std::map<std::string, std::string>(sample.labels.begin(), sample.labels.end())},
             {"value", number(sample.value)}});
    daemons.push_back({{"daemon", answer.daemon},
                       {"running", !answer.families.empty()},
                       {"problem", answer.problem},
                       {"figures", std::move(figures)}});
  }
  return {{"daemons", std::move(daemons)}};
}

void print_table(const std::vector<Answer>& answers) {
  const char* separator = "";
  for (const auto& answer : answers) {
    std::cout << std::exchange(separator, "\n");
    if (!answer.problem.empty()) {
      std::cout << "smtpseal-" << answer.daemon << ": " << answer.problem << '\n';
    } else if (answer.families.empty()) {
      std::cout << "smtpseal-" << answer.daemon << " does not run\n";
    } else {
      std::cout << figure_heading(answer.families) << '\n';
      Columns columns({"FIGURE", "OF", "VALUE"});
      for (auto& row : figure_rows(answer.families)) columns.add({row.figure, row.of, row.value});
      columns.print(std::cout);
    }
  }
}

int show(Context& context, const Options& options) {
  std::vector<Answer> answers;
  for (const char* daemon : kDaemons) answers.push_back(ask(context, daemon));
  if (options.as_json)
    print_json(as_json(answers));
  else if (options.raw)
    print_raw(answers);
  else
    print_table(answers);
  const bool is_bad = std::ranges::any_of(answers, [](const auto& each) { return !each.problem.empty(); });
  const bool none_runs = std::ranges::all_of(answers, [](const auto& each) { return each.families.empty(); });
  return is_bad || none_runs ? kProblem : kSuccess;
}

}  // namespace

void add_stats_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("stats", "Show what the running daemons have counted since their start");
  auto options = std::make_shared<Options>();
  auto* as_json = command->add_flag("--json", options->as_json, "For programs");
  command->add_flag("--raw", options->raw, "In the text format of Prometheus")->excludes(as_json);
  command->footer("Counts of zero are left out. Exit status 1 where no daemon runs, or one cannot be asked.");
  command->callback([&context, options] { context.status = show(context, *options); });
}

}  // namespace smtpseal::cli
