// The figures of one daemon: its registry of Prometheus metrics, shown on the control socket (map `stats`)
// and, where SECTION.metrics_listen says so, to a Prometheus server by HTTP, from threads of prometheus-cpp's
// own. Counting is safe from any thread; everything else is for the daemon's.
#pragma once

#include <prometheus/registry.h>

#include <functional>
#include <memory>
#include <string>

#include "smtpseal/config/params.hpp"
#include "smtpseal/daemon/async.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace prometheus {
class Exposer;
}

namespace smtpseal::metrics {

class Metrics {
 public:
  // `section` of the parameters is the daemon's name too: "relay". `refresh` sets what is a state rather than
  // a count, and is called before the figures are shown. Throws daemon::StartupError where metrics_listen is
  // no address.
  Metrics(const config::Values& values, const std::string& section, std::function<void()> refresh);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  [[nodiscard]] prometheus::Registry& registry() { return *registry_; }

  // Throws daemon::StartupError, naming the parameter, where the address cannot be listened at.
  void bind();
  // A scrape comes at any time, in another thread: keeps the states fresh for it. The object must outlive
  // `io`'s run.
  void start(daemon::asio::io_context& io);

  // In the text format of Prometheus.
  [[nodiscard]] std::string text();
  // The answer to "stats *"; PERM to any other key.
  [[nodiscard]] postfix::SocketmapReply answer(const postfix::SocketmapRequest& request);

 private:
  daemon::Task<> keep_fresh();

  std::string parameter_;
  std::string address_;  // ADDRESS:PORT; empty: no listener
  std::function<void()> refresh_;
  std::shared_ptr<prometheus::Registry> registry_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace smtpseal::metrics
