// A daemon from its start to its end. Private to the sources of this library.
#pragma once

#include <boost/asio/signal_set.hpp>
#include <memory>
#include <string>

#include "smtpseal/daemon/control_server.hpp"
#include "smtpseal/daemon/daemon.hpp"

namespace smtpseal::daemon {

class DaemonRun {
 public:
  // `values` came from `config_file`. All must outlive the object. Throws StartupError.
  DaemonRun(const DaemonInfo& info, const std::string& config_file, const config::Values& values);
  // Throws StartupError.
  [[noreturn]] void serve();

 private:
  void bind();
  void add_controls();
  std::string reload();
  std::string reload_parameters() const;
  [[nodiscard]] control::DaemonState state() const;
  Task<> handle_signals();
  void stop();
  Task<> drain();

  const DaemonInfo& info_;
  const std::string& config_file_;
  const config::Values& values_;
  asio::io_context io_;
  asio::signal_set signals_;  // from before anybody can see that we run
  std::unique_ptr<Service> service_;
  ControlServer control_;
  control::Time started_ = 0;
};

}  // namespace smtpseal::daemon
