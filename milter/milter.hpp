// smtpseal-milter: the filter of Postfix and Sendmail that refuses mail which must arrive protected and did
// not, removes status headers that came from outside, and writes this host's own.
//
// libmilter serves the mail server in threads of its own; the daemon's thread runs signals and reloads. What
// both touch is immutable, atomic, or behind a mutex (RelayMap).
#pragma once

#include <memory>
#include <string>

#include "filter.hpp"
#include "milter_metrics.hpp"
#include "relay_map.hpp"
#include "session.hpp"
#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/daemon/endpoint.hpp"
#include "smtpseal/daemon/policy_holder.hpp"
#include "smtpseal/metrics/metrics.hpp"
#include "smtpseal/metrics/policy_metrics.hpp"

namespace smtpseal::milter {

class Milter : public daemon::Service {
 public:
  // `values` must outlive the object. Throws daemon::StartupError.
  Milter(daemon::asio::io_context& io, const config::Values& values,
         const std::shared_ptr<const crypto::Engine>& engine);

  void bind() override;
  void start() override;
  std::string reload() override;
  void add_controls(daemon::ControlServer& control) override;
  [[nodiscard]] control::TablesState tables() const override { return policy_.state(); }
  // New connections find no socket, or are answered with a temporary failure; those that are open go on.
  void stop() override;
  [[nodiscard]] bool is_drained() const override { return filter_.connections == 0; }

 private:
  void refresh_metrics();
  void remove_socket();
  void end(int result);

  daemon::asio::io_context& io_;
  const config::Values& values_;
  metrics::Metrics metrics_;
  metrics::PolicyMetrics policy_metrics_;
  MilterMetrics counts_;
  daemon::PolicyHolder policy_;
  std::unique_ptr<RelayMap> relay_;  // null where no relay stands before the mail server
  SessionSettings settings_;
  FilterContext filter_;
  std::string socket_path_;  // of a unix socket that is ours to remove
};

// libmilter's name for an endpoint of ours: "unix:/path", "inet:PORT@ADDRESS", "inet6:PORT@ADDRESS". Throws
// daemon::StartupError for what is no endpoint, or is not of this host alone.
[[nodiscard]] std::string connection_text(const std::string& endpoint);

}  // namespace smtpseal::milter
