#include "daemon_run.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/algorithm/string/join.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>

#include "notify.hpp"
#include "passed_sockets.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/version.hpp"

namespace smtpseal::daemon {
namespace {

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

std::string status_text(const control::TablesState& tables) {
  if (tables.problem.empty()) return tables.content;
  return (tables.loaded == 0 ? "no tables in use: " : tables.content + ", of before: ") + tables.problem;
}

// Who no longer hears signals can neither be reloaded nor stopped: better started anew.
void end_for_exception(const std::exception_ptr& thrown) try {
  if (thrown) std::rethrow_exception(thrown);
} catch (const std::exception& error) {
  log::error("internal-error").field("reason", error.what());
  std::_Exit(EXIT_FAILURE);
}

}  // namespace

DaemonRun::DaemonRun(const DaemonInfo& info, const std::string& config_file, const config::Values& values)
    : info_(info),
      config_file_(config_file),
      values_(values),
      io_(1),
      signals_(io_, SIGTERM, SIGINT, SIGHUP),
      service_(info.make(io_, values)),
      control_(io_) {}

void DaemonRun::serve() {
  bind();
  add_controls();
  drop_privileges(values_.text("process.user"));
  forbid_core_dumps();  // after the change of user, which resets it
  asio::co_spawn(io_, handle_signals(), end_for_exception);
  service_->start();
  control_.start();
  started_ = std::time(nullptr);
  notify_ready(status_text(service_->tables()));
  asio::co_spawn(io_, feed_watchdog(), asio::detached);
  log::info("started").field("version", version());
  io_.run();
  service_->finish();
  log::info("stopped");
  // Coroutines that still wait refer to the service, and both cannot be destroyed before the other: nothing
  // is destroyed. The listeners have removed their sockets in stop() and finish().
  std::_Exit(0);
}

void DaemonRun::bind() {
  service_->bind();
  control_.bind(control_endpoints(values_, info_.section), values_.text("process.user"));
  PassedSockets::of_process().finish(info_.name);
}

void DaemonRun::add_controls() {
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

std::string DaemonRun::reload() {
  notify_reloading();
  std::string problem = reload_parameters();
  if (problem.empty()) problem = service_->reload();
  notify_ready(status_text(service_->tables()));
  return problem;
}

// A file that would stop the next start is told now; what has changed counts from then on.
std::string DaemonRun::reload_parameters() const {
  const auto load = config::load_file(config_file_, config::all_params());
  for (const auto& problem : load.problems) log::error("config-problem").field("text", problem.message());
  if (!load.values) return load.problems.front().message();
  const auto changed = values_.differences(*load.values);
  if (!changed.empty())
    log::warning("restart-needed").field("parameter", boost::algorithm::join(changed, ","));
  return {};
}

control::DaemonState DaemonRun::state() const {
  return {info_.name, std::string(version()), static_cast<std::uint64_t>(::getpid()), started_,
          service_->tables()};
}

Task<> DaemonRun::handle_signals() {
  bool is_stopping = false;
  for (;;) {
    const auto [error, signal] = co_await signals_.async_wait(kAwait);
    if (error) co_return;
    if (signal == SIGHUP) {
      reload();
    } else if (is_stopping) {
      io_.stop();  // asked twice: at once
    } else {
      is_stopping = true;
      log::info("stopping").field("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT");
      stop();
    }
  }
}

void DaemonRun::stop() {
  notify_stopping(Seconds(values_.number("process.drain_time")));
  control_.stop();
  service_->stop();
  asio::co_spawn(io_, drain(), asio::detached);
}

// Looks after a while first: what was accepted a moment ago counts, too.
Task<> DaemonRun::drain() {
  const auto deadline = Clock::now() + Seconds(values_.number("process.drain_time"));
  do {
    co_await sleep_for(std::chrono::milliseconds(50));
  } while (!service_->is_drained() && Clock::now() < deadline);
  io_.stop();
}

}  // namespace smtpseal::daemon
