#include "policyd.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "smtpseal/daemon/control_server.hpp"
#include "smtpseal/daemon/counted.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/policy/describe.hpp"

namespace smtpseal::policyd {

using daemon::Seconds;
using daemon::Task;

Policyd::Policyd(daemon::asio::io_context& io, const config::Values& values,
                 const std::shared_ptr<const crypto::Engine>& engine)
    : io_(io),
      values_(values),
      metrics_(values, "policyd", [this] { refresh_metrics(); }),
      policy_metrics_(metrics_.registry()),
      counts_(metrics_.registry()),
      routing_(engine, values, daemon::Tables::domains),
      judging_(engine, values, daemon::Tables::bindings),
      targets_{values.text("policyd.transport"), values.text("policyd.transport_seven_bit")},
      mailers_{values.text("policyd.mailer"), values.text("policyd.mailer_seven_bit")},
      policy_service_(values, routing_, judging_, counts_),
      answer_([this](const postfix::SocketmapRequest& request) { return answer(request); }) {
  for (const char* parameter : {"policyd.listen", "policyd.policy_listen"})
    daemon::local_endpoints(values, parameter);
}

void Policyd::open_doors(const char* parameter, Protocol protocol, const daemon::SocketOwner& owner) {
  for (const auto& name : daemon::local_endpoints(values_, parameter))
    doors_.push_back({protocol, std::make_unique<daemon::Listener>(io_, name, owner)});
}

void Policyd::bind() {
  const daemon::SocketOwner owner = daemon::socket_owner(values_, "policyd");
  open_doors("policyd.listen", Protocol::socketmap, owner);
  open_doors("policyd.policy_listen", Protocol::policy, owner);
  metrics_.bind();
}

void Policyd::start() {
  reload();
  metrics_.start(io_);
  for (const auto& door : doors_) {
    const auto on_connection = [this, protocol = door.protocol](daemon::Socket socket, const auto&) {
      admit(protocol, std::move(socket));
    };
    daemon::asio::co_spawn(io_, door.listener->accept_all(on_connection), daemon::asio::detached);
  }
}

std::string Policyd::reload() {
  if (judging_.reload())
    routing_.adopt(judging_);
  else
    routing_.reload();
  return judging_.first_problem();
}

void Policyd::add_controls(daemon::ControlServer& control) {
  control.answer("stats", [this](const auto& request) { return metrics_.answer(request); });
}

void Policyd::refresh_metrics() {
  policy_metrics_.show(tables(), routing_.current().get());
  counts_.connections_open().Set(static_cast<double>(clients_));
}

control::TablesState Policyd::tables() const {
  auto state = (judging_.first_problem().empty() ? judging_ : routing_).state();
  state.problem = judging_.first_problem();
  return state;
}

void Policyd::stop() {
  for (const auto& door : doors_) door.listener->close();
  // Postfix keeps its connections open and reconnects by itself: nothing to wait for.
  io_.stop();
}

void Policyd::admit(Protocol protocol, daemon::Socket socket) {
  if (clients_ >= values_.number("policyd.client_limit")) {
    log::warning("client-refused").field("reason", "policyd.client_limit reached");
    counts_.connections_refused(Limit::clients).Increment();
    return;  // Postfix takes the closed connection as a temporary failure
  }
  daemon::asio::co_spawn(io_, serve(protocol, daemon::Stream(std::move(socket))), daemon::asio::detached);
}

Task<> Policyd::serve(Protocol protocol, daemon::Stream stream) {
  const daemon::Counted counted(clients_);
  if (protocol == Protocol::policy)
    co_await policy_service_.serve(std::move(stream));
  else
    co_await daemon::serve_socketmap(std::move(stream), Seconds(values_.number("policyd.idle_time")),
                                     answer_);
}

postfix::SocketmapReply Policyd::answer(const postfix::SocketmapRequest& request) const {
  const auto set = routing_.current();
  auto reply = set ? answer_from(*set, request)
                   : postfix::SocketmapReply{postfix::SocketmapStatus::temp,
                                             "smtpseal-policyd: " + routing_.first_problem()};
  counts_.lookups(map_of(request.map), reply.status).Increment();
  log::debug("answered").field("map", request.map).field("key", request.key).field("answer", reply.text);
  return reply;
}

postfix::SocketmapReply Policyd::answer_from(const policy::PolicySet& set,
                                             const postfix::SocketmapRequest& request) const {
  using postfix::SocketmapStatus;
  if (request.map == "transport") return policy::transport_lookup(&set, targets_, request.key);
  // Sendmail names a map as its configuration does: FEATURE(mailertable), or smtpseal.m4.
  if (request.map == "mailertable" || request.map == "smtpseal")
    return policy::mailertable_lookup(&set, mailers_, request.key);
  if (request.map == "query") return {SocketmapStatus::ok, policy::describe(set, request.key)};
  // Not PERM, which Sendmail takes for NOTFOUND.
  return {SocketmapStatus::temp, "unknown map \"" + log::printable(request.map) + "\""};
}

}  // namespace smtpseal::policyd
