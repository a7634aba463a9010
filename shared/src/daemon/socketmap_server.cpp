#include "smtpseal/daemon/socketmap_server.hpp"

#include "smtpseal/log/log.hpp"

namespace smtpseal::daemon {
namespace {

// Postfix waits 100 s for a reply; a client that takes none for this long is gone.
constexpr Seconds kWriteTimeout{30};

}  // namespace

Task<> serve_socketmap(Stream stream, Seconds idle, const SocketmapAnswer& answer) {
  postfix::NetstringReader reader;
  std::string input;
  std::string output;
  for (;;) {
    input.clear();
    output.clear();
    if (!co_await stream.read(input, idle)) co_return;
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
    if (!output.empty() && !co_await stream.write(output, kWriteTimeout)) co_return;
  }
}

}  // namespace smtpseal::daemon
