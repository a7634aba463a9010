#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/daemon/control_server.hpp"

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
#include <ctime>

#include "smtpseal/daemon/control_server.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/version.hpp"

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

// A daemon from its start to its end.
class Run {
 public:
  Run(const DaemonInfo& info, const config::Values& values);
  [[noreturn]] void serve();

 private:
  void add_controls();
  std::string reload();
  [[nodiscard]] control::DaemonState state() const;
  Task<> handle_signals();
  Task<> drain();

  const DaemonInfo& info_;
  const config::Values& values_;
  asio::io_context io_;
  asio::signal_set signals_;  // from before anybody can see that we run
  std::unique_ptr<Service> service_;
  ControlServer control_;
  control::Time started_ = 0;
};

Run::Run(const DaemonInfo& info, const config::Values& values)
    : info_(info),
      values_(values),
      io_(1),
      signals_(io_, SIGTERM, SIGINT, SIGHUP),
      service_(info.make(io_, values)),
      control_(io_) {}

void Run::serve() {
  const std::string& user = values_.text("process.user");
  service_->bind();
  control_.bind(control_endpoints(values_, info_.section), user);
  add_controls();
  drop_privileges(user);
  forbid_core_dumps();  // after the change of user, which resets it
  asio::co_spawn(io_, handle_signals(), asio::detached);
  service_->start();
  control_.start();
  started_ = std::time(nullptr);
  sd_notify(0, "READY=1");
  log::info("started").field("pid", static_cast<std::uint64_t>(::getpid()));
  io_.run();
  service_->finish();
  log::info("stopped");
  // Coroutines that still wait refer to the service, and both cannot be destroyed before the other: nothing
  // is destroyed. The listeners have removed their sockets in stop() and finish().
  std::_Exit(0);
}

void Run::add_controls() {
  using postfix::SocketmapReply;
  using postfix::SocketmapStatus;
  control_.answer("reload", [this](const postfix::SocketmapRequest&) {
    const std::string problem = reload();
    return problem.empty() ? SocketmapReply{SocketmapStatus::ok, service_->tables().content}
                           : SocketmapReply{SocketmapStatus::perm, problem};
  });
  control_.answer("info", [this](const postfix::SocketmapRequest&) {
    return SocketmapReply{SocketmapStatus::ok, control::format_state(state())};
  });
  service_->add_controls(control_);
}

std::string Run::reload() {
  sd_notify(0, "RELOADING=1");
  std::string problem = service_->reload();
  sd_notify(0, "READY=1");
  return problem;
}

control::DaemonState Run::state() const {
  return {info_.name, std::string(version()), static_cast<std::uint64_t>(::getpid()), started_,
          service_->tables()};
}

Task<> Run::drain() {
  const auto deadline = Clock::now() + Seconds(values_.number("process.drain_time"));
  while (!service_->is_drained() && Clock::now() < deadline)
    co_await sleep_for(std::chrono::milliseconds(50));
  io_.stop();
}

Task<> Run::handle_signals() {
  bool stopping = false;
  for (;;) {
    const auto [error, signal] = co_await signals_.async_wait(kAwait);
    if (error) co_return;
    if (signal == SIGHUP) {
      reload();
      continue;
    }
    if (stopping) io_.stop();  // asked twice: at once
    stopping = true;
    sd_notify(0, "STOPPING=1");
    log::info("stopping").field("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT");
    control_.stop();
    service_->stop();
    asio::co_spawn(io_, drain(), asio::detached);
  }
}

void serve(const DaemonInfo& info, const config::Values& values) {
  log::open(info.name, log::level_from(values.text("log.level")), values.text("log.target"));
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  Run(info, values).serve();
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
      control_endpoints(values, info.section);
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
