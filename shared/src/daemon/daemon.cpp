#include "smtpseal/daemon/daemon.hpp"

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "daemon_run.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/version.hpp"

namespace smtpseal::daemon {
namespace {

struct Arguments {
  std::string config_file = config::kDefaultFile;
  bool check_only = false;
};

config::Values load_values(const std::string& file) {
  config::Load load = config::load_file(file, config::all_params());
  if (load.values) return std::move(*load.values);
  std::string text;
  for (const auto& problem : load.problems) text += (text.empty() ? "" : "\n") + problem.message();
  throw StartupError(text);
}

// Every session is a descriptor or two: take what the hard limit allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

void open_log(const DaemonInfo& info, const config::Values& values) {
  const std::string& target = values.text("log.target");
  const std::string problem =
      log::open({info.name, log::level_from(values.text("log.level")), target, values.text("log.format")});
  if (!problem.empty()) throw StartupError("log.target = \"" + target + "\": " + problem);
}

[[noreturn]] void serve(const DaemonInfo& info, const std::string& config_file,
                        const config::Values& values) {
  open_log(info, values);
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  DaemonRun(info, config_file, values).serve();
}

void check(const DaemonInfo& info, const config::Values& values) {
  control_endpoints(values, info.section);
  info.check(values);
  std::printf("%s: configuration is usable\n", info.name);
}

}  // namespace

int run_daemon(const DaemonInfo& info, int argc, char** argv) {
  Arguments arguments;
  CLI::App app(info.purpose, info.name);
  app.set_version_flag("--version", std::string(info.name) + " " + std::string(version()));
  app.add_option("-c,--config", arguments.config_file, "Parameter file")->capture_default_str();
  app.add_flag("--check-config", arguments.check_only, "Check the parameter file and the tables, then exit");
  CLI11_PARSE(app, argc, argv);
  try {
    const config::Values values = load_values(arguments.config_file);
    if (!arguments.check_only) serve(info, arguments.config_file, values);
    check(info, values);
    return 0;
  } catch (const StartupError& error) {
    std::fprintf(stderr, "%s: fatal: %s\n", info.name, error.what());
    return 1;
  }
}

}  // namespace smtpseal::daemon
