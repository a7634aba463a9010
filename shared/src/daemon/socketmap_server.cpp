#include "smtpseal/daemon/socketmap_server.hpp"

#include "smtpseal/log/log.hpp"

namespace smtpseal::daemon {
namespace {

// Postfix waits 100 s for a reply; a client that takes none for this long is gone.
constexpr Seconds kWriteTimeout{30};

}  // namespace

Result<std::optional<postfix::SocketmapRequest>> SocketmapRequestReader::next(std::string_view& data) {
  std::size_t consumed = 0;
  const auto text = netstrings_.feed(data, consumed);
  data.remove_prefix(consumed);
  if (text && !*text) return std::optional<postfix::SocketmapRequest>();
  auto request = text ? postfix::parse_socketmap_request(**text) : text.error();
  if (request) return std::optional(std::move(*request));
  log::warning("bad-request").field("reason", request.error().message());
  return request.error();
}

Task<> serve_socketmap(Stream stream, Seconds idle, const SocketmapAnswer& answer) {
  SocketmapRequestReader reader;
  std::string input;
  std::string output;
  for (;;) {
    input.clear();
    output.clear();
    if (!co_await stream.read(input, idle)) co_return;
    for (std::string_view rest = input; !rest.empty();) {
      const auto request = reader.next(rest);
      if (!request) co_return;
      if (*request) output += postfix::format_socketmap_reply(answer(**request));
    }
    if (!output.empty() && !co_await stream.write(output, kWriteTimeout)) co_return;
  }
}

}  // namespace smtpseal::daemon
