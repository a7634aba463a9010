#include "milter.hpp"

#include <libmilter/mfapi.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <climits>
#include <cstdlib>

#include "libmilter_thread.hpp"
#include "smtpseal/daemon/control_server.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/status/authentication_results.hpp"

namespace smtpseal::milter {
namespace {

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string authserv_id(const config::Values& values) {
  const std::string& given = values.text("milter.authserv_id");
  std::string id = given.empty() ? host_name() : given;
  if (!status::is_authserv_id(id))
    throw daemon::StartupError("milter.authserv_id = \"" + given + "\"" +
                               (given.empty() ? ", so the system's host name \"" + id + "\"" : "") +
                               ": expected 1 to 255 letters, digits, \"-\", \"_\" and \".\"");
  return id;
}

SessionSettings session_settings(const config::Values& values) {
  return {authserv_id(values),
          values.flag("milter.show_account") ? status::ShowAccount::yes : status::ShowAccount::no,
          daemon::ExemptNetworks(values)};
}

std::unique_ptr<RelayMap> relay_map(const config::Values& values) {
  const std::string& endpoint = values.text("inbound.relay_query");
  if (endpoint.empty()) return nullptr;
  return std::make_unique<RelayMap>(daemon::parse_endpoint(endpoint),
                                    daemon::Seconds(values.number("inbound.relay_timeout")));
}

AskRelay ask_function(RelayMap* relay) {
  if (relay == nullptr) return {};
  return [relay](const std::string& key) { return relay->ask(key); };
}

void require(bool condition, const std::string& what) {
  if (!condition) throw daemon::StartupError("milter.listen: " + what);
}

}  // namespace

Milter::Milter(daemon::asio::io_context& io, const config::Values& values,
               const std::shared_ptr<const crypto::Engine>& engine)
    : io_(io),
      values_(values),
      metrics_(values, "milter", [this] { refresh_metrics(); }),
      policy_metrics_(metrics_.registry()),
      counts_(metrics_.registry()),
      policy_(engine, values, daemon::Tables::bindings),
      relay_(relay_map(values)),
      settings_(session_settings(values)),
      filter_{settings_, policy_, ask_function(relay_.get()), counts_, values.number("milter.client_limit")} {
  const std::string& listen = values.text("milter.listen");
  require(daemon::is_local(daemon::parse_endpoint(listen)),
          "\"" + listen + "\": the milter protocol has no protection: loopback addresses only");
  (void)daemon::socket_owner(values, "milter");
}

void Milter::bind() {
  require(smfi_register(describe_filter(filter_)) == MI_SUCCESS, "libmilter is of another version");
  smfi_settimeout(static_cast<int>(values_.number("milter.timeout")));
  socket_.emplace(values_.text("milter.listen"), daemon::socket_owner(values_, "milter"));
  libmilter_socket_.emplace(*socket_);
  metrics_.bind();
}

void Milter::start() {
  policy_.reload();
  metrics_.start(io_);
  start_libmilter([this](int result) { daemon::asio::post(io_, [this, result] { end(result); }); });
}

std::string Milter::reload() {
  policy_.reload();
  return policy_.first_problem();
}

void Milter::add_controls(daemon::ControlServer& control) {
  control.answer("stats", [this](const auto& request) { return metrics_.answer(request); });
}

void Milter::refresh_metrics() {
  policy_metrics_.show(policy_.state(), policy_.current().get());
  counts_.connections_open().Set(static_cast<double>(filter_.connections));
}

// smfi_stop() is not for this: libmilter then cuts every connection that waits for the mail server's next
// command, messages in progress included, and does not say so (xxfi_close is not called).
void Milter::stop() {
  libmilter_socket_->stop_accepting();
  socket_->close();
}

// libmilter gives up when it cannot accept or make threads any more. Another start may do better.
void Milter::end(int result) {
  log::error("libmilter-ended").field("result", static_cast<std::uint64_t>(result == MI_SUCCESS ? 0 : 1));
  socket_->close();
  std::_Exit(EXIT_FAILURE);
}

}  // namespace smtpseal::milter
