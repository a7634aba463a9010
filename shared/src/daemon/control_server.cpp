#include "smtpseal/daemon/control_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/log/log.hpp"

namespace smtpseal::daemon {
namespace {

constexpr Seconds kIdle{3600};
constexpr Seconds kWriteTimeout{30};

// The mode of the socket says the same, but who makes a socket for us may give it another.
bool may_control(Socket& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (peer.uid == 0 || peer.uid == ::geteuid()) return true;
  log::warning("control-refused")
      .field("user", peer.uid)
      .field("process", static_cast<std::uint64_t>(peer.pid));
  return false;
}

}  // namespace

const std::vector<std::string>& control_endpoints(const config::Values& values, const std::string& section) {
  const std::string parameter = section + ".control_listen";
  const auto& list = endpoints(values, parameter);
  const auto beyond =
      std::ranges::find_if(list, [](const auto& endpoint) { return !endpoint.starts_with("unix:"); });
  if (beyond == list.end()) return list;
  throw StartupError(parameter + ": \"" + *beyond + "\": only unix:PATH is allowed");
}

void ControlServer::handle(std::string map, ControlHandler handler) {
  handlers_.insert_or_assign(std::move(map), std::move(handler));
}

void ControlServer::answer(std::string map, SocketmapAnswer answer) {
  handle(std::move(map),
         [answer = std::move(answer)](postfix::SocketmapRequest request) -> Task<postfix::SocketmapReply> {
           co_return answer(request);
         });
}

void ControlServer::bind(const std::vector<std::string>& endpoints, const std::string& user) {
  for (const auto& endpoint : endpoints)
    listeners_.push_back(std::make_unique<Listener>(io_, endpoint, SocketOwner{user, {}, 0600}));
}

void ControlServer::start() {
  for (const auto& listener : listeners_) {
    const auto admit = [this](Socket socket, const Endpoint&) {
      if (!may_control(socket)) return;
      asio::co_spawn(io_, serve(Stream(std::move(socket))), asio::detached);
    };
    asio::co_spawn(io_, listener->accept_all(admit), asio::detached);
  }
}

void ControlServer::stop() {
  for (const auto& listener : listeners_) listener->close();
}

// One question at a time: whoever has several makes several connections.
Task<> ControlServer::serve(Stream stream) {
  SocketmapRequestReader reader;
  std::string input;
  for (;;) {
    input.clear();
    if (!co_await stream.read(input, kIdle)) co_return;
    for (std::string_view rest = input; !rest.empty();) {
      auto request = reader.next(rest);
      if (!request) co_return;
      if (!*request) continue;
      const auto reply = co_await reply_to(std::move(**request));
      const std::string text = postfix::format_socketmap_reply(reply);
      if (!co_await stream.write(text, kWriteTimeout)) co_return;
    }
  }
}

Task<postfix::SocketmapReply> ControlServer::reply_to(postfix::SocketmapRequest request) {
  const auto handler = handlers_.find(request.map);
  if (handler != handlers_.end()) co_return co_await handler->second(std::move(request));
  co_return postfix::SocketmapReply{postfix::SocketmapStatus::perm,
                                    "unknown command \"" + log::printable(request.map) + "\""};
}

}  // namespace smtpseal::daemon
