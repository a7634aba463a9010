// What every daemon's main() has in common, always in the same order: arguments, configuration
// (--check-config ends here), log, sockets, privileges, signals, ready notice, run, drain, exit code.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "smtpseal/config/params.hpp"
#include "smtpseal/control/daemon_state.hpp"
#include "smtpseal/daemon/async.hpp"

namespace smtpseal::daemon {

// The environment is wrong: ends the start with the text on standard error and exit status 1.
class StartupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ControlServer;

// The body of one daemon. All calls come from the one thread that runs the io_context.
class Service {
 public:
  virtual ~Service() = default;
  // Checks and binds, still as root. Throws StartupError.
  virtual void bind() = 0;
  // Starts accepting, with dropped privileges.
  virtual void start() = 0;
  // Reads the tables anew, keeps the old ones on error. Returns the first problem; empty: none.
  virtual std::string reload() = 0;
  [[nodiscard]] virtual control::TablesState tables() const = 0;
  // Adds what the daemon answers on its control socket besides `info` and `reload`.
  virtual void add_controls(ControlServer& /*control*/) {}
  // SIGTERM: stops accepting. The daemon then waits until is_drained(), at most process.drain_time.
  virtual void stop() = 0;
  [[nodiscard]] virtual bool is_drained() const = 0;
  // The last call, when nothing is served any more: removes the sockets that stop() has left.
  virtual void finish() {}
};

struct DaemonInfo {
  const char* name;     // "smtpseal-relay"
  const char* section;  // of its own parameters: "relay"
  const char* purpose;
  std::function<std::unique_ptr<Service>(asio::io_context&, const config::Values&)> make;
  // For --check-config: throws StartupError where the tables are not usable.
  std::function<void(const config::Values&)> check;
};

int run_daemon(const DaemonInfo& info, int argc, char** argv);

}  // namespace smtpseal::daemon
