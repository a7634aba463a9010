#include "smtpseal/daemon/daemon.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "smtpseal/log/log.hpp"

namespace smtpseal::daemon {
namespace {

struct Arguments {
  std::string config_file = "/etc/smtpseal/smtpseal.toml";
  bool check_only = false;
};

config::Values load_values(const std::string& file) {
  config::Load load = config::load_file(file, config::all_params());
  if (load.values) return std::move(*load.values);
  std::string text;
  for (const auto& problem : load.problems) text += (text.empty() ? "" : "\n") + problem.message();
  throw StartupError(text);
}

// Secrets are read after this: no core dump, no ptrace by other processes of the same user.
void forbid_core_dumps() {
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

void drop_privileges(const std::string& user) {
  if (user.empty() || ::geteuid() != 0) return;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) throw StartupError("process.user: there is no user \"" + user + "\"");
  if (::initgroups(user.c_str(), entry->pw_gid) != 0 || ::setgid(entry->pw_gid) != 0 ||
      ::setuid(entry->pw_uid) != 0)
    throw StartupError("process.user: cannot become \"" + user + "\"");
}

// Every session is a descriptor or two: take what the hard limit allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

Task<> drain(asio::io_context& io, Service& service, Seconds limit) {
  asio::steady_timer timer(io);
  const auto deadline = Clock::now() + limit;
  while (!service.is_drained() && Clock::now() < deadline) {
    timer.expires_after(std::chrono::milliseconds(50));
    co_await timer.async_wait(kAwait);
  }
  io.stop();
}

Task<> handle_signals(asio::io_context& io, asio::signal_set& signals, Service& service, Seconds drain_time) {
  bool stopping = false;
  for (;;) {
    const auto [error, signal] = co_await signals.async_wait(kAwait);
    if (error) co_return;
    if (signal == SIGHUP) {
      sd_notify(0, "RELOADING=1");
      service.reload();
      sd_notify(0, "READY=1");
      continue;
    }
    if (stopping) io.stop();  // asked twice: at once
    stopping = true;
    sd_notify(0, "STOPPING=1");
    log::info("stopping").field("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT");
    service.stop();
    asio::co_spawn(io, drain(io, service, drain_time), asio::detached);
  }
}

void serve(const DaemonInfo& info, const config::Values& values) {
  log::open(info.name, log::level_from(values.text("log.level")), values.text("log.target"));
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  asio::io_context io(1);
  asio::signal_set signals(io, SIGTERM, SIGINT, SIGHUP);  // from before anybody can see that we run
  const auto service = info.make(io, values);
  service->bind();
  drop_privileges(values.text("process.user"));
  forbid_core_dumps();  // after the change of user, which resets it
  asio::co_spawn(io, handle_signals(io, signals, *service, Seconds(values.number("process.drain_time"))),
                 asio::detached);
  service->start();
  sd_notify(0, "READY=1");
  log::info("started").field("pid", static_cast<std::uint64_t>(::getpid()));
  io.run();
  service->finish();
  log::info("stopped");
  // Coroutines that still wait refer to the service, and both cannot be destroyed before the other: nothing
  // is destroyed. The listeners have removed their sockets in stop() and finish().
  std::_Exit(0);
}

}  // namespace

int run_daemon(const DaemonInfo& info, int argc, char** argv) {
  Arguments arguments;
  CLI::App app(info.purpose, info.name);
  app.add_option("-c,--config", arguments.config_file, "Parameter file")->capture_default_str();
  app.add_flag("--check-config", arguments.check_only, "Check the parameter file and the tables, then exit");
  CLI11_PARSE(app, argc, argv);
  try {
    const config::Values values = load_values(arguments.config_file);
    if (arguments.check_only) {
      info.check(values);
      std::printf("%s: configuration is usable\n", info.name);
    } else {
      serve(info, values);
    }
    return 0;
  } catch (const StartupError& error) {
    std::fprintf(stderr, "%s: fatal: %s\n", info.name, error.what());
    return 1;
  }
}

}  // namespace smtpseal::daemon
