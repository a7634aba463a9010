#include "milter.hpp"

#include <libmilter/mfapi.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
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

std::string connection_text(const std::string& endpoint_text) {
  const daemon::Endpoint endpoint = daemon::parse_endpoint(endpoint_text);
  if (endpoint.protocol().family() == AF_UNIX) return endpoint_text;
  require(daemon::is_local(endpoint),
          "\"" + endpoint_text + "\": the milter protocol has no protection: loopback addresses only");
  daemon::asio::ip::tcp::endpoint tcp;
  tcp.resize(endpoint.size());
  std::copy_n(reinterpret_cast<const char*>(endpoint.data()), endpoint.size(),
              reinterpret_cast<char*>(tcp.data()));
  return (tcp.address().is_v6() ? "inet6:" : "inet:") + std::to_string(tcp.port()) + "@" +
         (tcp.address().is_v6() ? "[" + tcp.address().to_string() + "]" : tcp.address().to_string());
}

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
  (void)connection_text(values.text("milter.listen"));
  (void)daemon::socket_owner(values, "milter");
}

void Milter::bind() {
  const std::string& listen = values_.text("milter.listen");
  std::string connection = connection_text(listen);
  const bool is_unix = connection.starts_with("unix:");
  const daemon::SocketOwner owner = daemon::socket_owner(values_, "milter");
  const std::string path = is_unix ? listen.substr(5) : std::string();
  if (is_unix) daemon::remove_dead_socket(listen, path);

  require(smfi_register(describe_filter(filter_)) == MI_SUCCESS, "libmilter is of another version");
  require(smfi_setconn(connection.data()) == MI_SUCCESS, "libmilter does not take " + connection);
  smfi_settimeout(static_cast<int>(values_.number("milter.timeout")));

  const mode_t mask = ::umask(0177);  // nobody else can connect before mode and group are set
  const int opened = smfi_opensocket(false);
  ::umask(mask);
  require(opened == MI_SUCCESS, "cannot listen at " + listen + ", see the system log for libmilter's reason");
  socket_path_ = path;
  if (is_unix) daemon::give_to_owner(listen, path, owner);
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
  filter_.stopping = true;
  remove_socket();
}

void Milter::remove_socket() {
  if (!socket_path_.empty()) ::unlink(socket_path_.c_str());
  socket_path_.clear();
}

// libmilter gives up when it cannot accept or make threads any more. Another start may do better.
void Milter::end(int result) {
  log::error("libmilter-ended").field("result", static_cast<std::uint64_t>(result == MI_SUCCESS ? 0 : 1));
  remove_socket();
  std::_Exit(EXIT_FAILURE);
}

}  // namespace smtpseal::milter
