#include "smtpseal/metrics/metrics.hpp"

#include <CivetServer.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/text_serializer.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <csignal>
#include <ctime>
#include <utility>

#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/daemon/endpoint.hpp"
#include "smtpseal/version.hpp"

namespace smtpseal::metrics {
namespace {

constexpr daemon::Seconds kFresh{5};

// ADDRESS:PORT as the HTTP server wants it.
std::string listen_address(const config::Values& values, const std::string& parameter) {
  const std::string& text = values.text(parameter);
  if (text.empty()) return {};
  try {
    if (!text.starts_with("inet:"))
      throw daemon::StartupError("\"" + text + "\": expected inet:ADDRESS:PORT");
    return daemon::to_text(daemon::parse_endpoint(text));
  } catch (const daemon::StartupError& error) {
    throw daemon::StartupError(parameter + ": " + error.what());
  }
}

// Says why where the HTTP server would not.
void try_address(const std::string& parameter, const std::string& address) {
  const daemon::Endpoint endpoint = daemon::parse_endpoint("inet:" + address);
  daemon::asio::io_context io;
  daemon::asio::basic_socket_acceptor<daemon::asio::generic::stream_protocol> acceptor(io);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(daemon::asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (error) throw daemon::StartupError(parameter + ": cannot listen at " + address + ": " + error.message());
}

// Threads inherit the mask they are created with: none of the HTTP server's runs a handler of the daemon's.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

void describe_program(prometheus::Registry& registry, const std::string& section) {
  prometheus::BuildGauge()
      .Name("smtpseal_build_info")
      .Help("Always 1; the labels say which program of which version this is.")
      .Register(registry)
      .Add({{"program", "smtpseal-" + section}, {"version", std::string(version())}})
      .Set(1);
  prometheus::BuildGauge()
      .Name("process_start_time_seconds")
      .Help("Start of the process, in seconds since 1970.")
      .Register(registry)
      .Add({})
      .Set(static_cast<double>(std::time(nullptr)));
}

}  // namespace

Metrics::Metrics(const config::Values& values, const std::string& section, std::function<void()> refresh)
    : parameter_(section + ".metrics_listen"),
      address_(listen_address(values, parameter_)),
      refresh_(std::move(refresh)),
      registry_(std::make_shared<prometheus::Registry>()) {
  describe_program(*registry_, section);
}

Metrics::~Metrics() = default;

void Metrics::bind() {
  if (address_.empty()) return;
  try_address(parameter_, address_);
  const SignalsBlocked blocked;
  try {
    // A client has one of two threads for at most the time of its request; those that find none wait.
    const std::vector<std::string> options{"listening_ports",    address_, "num_threads", "2",
                                           "request_timeout_ms", "3000"};
    exposer_ = std::make_unique<prometheus::Exposer>(options);
  } catch (const CivetException&) {
    // It does not say why, and the address was good a moment ago.
    throw daemon::StartupError(parameter_ + ": the HTTP server (civetweb) cannot listen at " + address_ +
                               (address_.front() == '[' ? ": it may be built without IPv6" : ""));
  }
  exposer_->RegisterCollectable(registry_);
}

void Metrics::start(daemon::asio::io_context& io) {
  if (exposer_) daemon::asio::co_spawn(io, keep_fresh(), daemon::asio::detached);
}

daemon::Task<> Metrics::keep_fresh() {
  for (;;) {
    refresh_();
    co_await daemon::sleep_for(kFresh);
  }
}

std::string Metrics::text() {
  refresh_();
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

postfix::SocketmapReply Metrics::answer(const postfix::SocketmapRequest& request) {
  if (request.key != "*") return {postfix::SocketmapStatus::perm, "expected \"stats *\""};
  return {postfix::SocketmapStatus::ok, text()};
}

}  // namespace smtpseal::metrics
