#include "policyd.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "smtpseal/daemon/counted.hpp"
#include "smtpseal/log/log.hpp"

namespace smtpseal::policyd {

using daemon::Seconds;
using daemon::Task;

namespace {

constexpr Seconds kWriteTimeout{
    30};  // Postfix waits 100 s for a reply; a client that takes none for this long is gone

}  // namespace

Policyd::Policyd(daemon::asio::io_context& io, const config::Values& values,
                 std::shared_ptr<const crypto::Engine> engine)
    : io_(io),
      values_(values),
      policy_(std::move(engine), values, false),
      targets_{values.text("policyd.transport"), values.text("policyd.transport_seven_bit")} {}

void Policyd::bind() {
  const daemon::SocketOwner owner = daemon::socket_owner(values_, "policyd");
  for (const auto& name : values_.list("policyd.listen"))
    listeners_.push_back(std::make_unique<daemon::Listener>(io_, name, owner));
}

void Policyd::start() {
  policy_.reload();
  for (const auto& listener : listeners_)
    daemon::asio::co_spawn(
        io_, listener->accept_all([this](daemon::Socket socket, const auto&) { admit(std::move(socket)); }),
        daemon::asio::detached);
}

void Policyd::reload() {
  policy_.reload();
}

void Policyd::stop() {
  for (const auto& listener : listeners_) listener->close();
  // Postfix keeps its socketmap connections open and reconnects by itself: nothing to wait for.
  io_.stop();
}

void Policyd::admit(daemon::Socket socket) {
  if (clients_ >= values_.number("policyd.client_limit")) {
    log::warning("client-refused").field("reason", "policyd.client_limit reached");
    return;  // Postfix takes the closed connection as a temporary failure
  }
  daemon::asio::co_spawn(io_, serve(daemon::Stream(std::move(socket))), daemon::asio::detached);
}

Task<> Policyd::serve(daemon::Stream stream) {
  const daemon::Counted counted(clients_);
  const Seconds idle(values_.number("policyd.idle_time"));
  postfix::NetstringReader reader;
  std::string input;
  for (;;) {
    input.clear();
    if (!co_await stream.read(input, idle)) co_return;
    std::string output;
    for (std::string_view rest = input; !rest.empty();) {
      std::size_t consumed = 0;
      const auto text = reader.feed(rest, consumed);
      rest.remove_prefix(consumed);
      const auto request = text && *text ? postfix::parse_socketmap_request(**text)
                                         : Result<postfix::SocketmapRequest>(postfix::SocketmapRequest{});
      if (!text || !request) {
        const auto error = text ? request.error() : text.error();
        log::warning("bad-request").field("reason", error.message());
        co_return;
      }
      if (*text) output += postfix::format_socketmap_reply(answer(*request));
    }
    if (!co_await stream.write(output, kWriteTimeout)) co_return;
  }
}

postfix::SocketmapReply Policyd::answer(const postfix::SocketmapRequest& request) const {
  using postfix::SocketmapStatus;
  if (request.map != "transport")
    return {SocketmapStatus::perm, "unknown map \"" + log::printable(request.map) + "\""};
  const auto set = policy_.current();
  if (!set) return {SocketmapStatus::temp, "smtpseal-policyd: " + policy_.first_problem()};
  auto reply = policy::transport_lookup(set.get(), targets_, request.key);
  log::debug("transport").field("key", request.key).field("answer", reply.text);
  return reply;
}

}  // namespace smtpseal::policyd
