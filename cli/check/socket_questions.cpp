#include "socket_questions.hpp"

#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>

#include "../context.hpp"
#include "../printable.hpp"
#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/daemon/socketmap_query.hpp"

namespace smtpseal::cli {
namespace {

constexpr std::chrono::seconds kTimeout{5};

using Stream = daemon::asio::generic::stream_protocol::iostream;

std::string open(Stream& stream, const daemon::Endpoint& endpoint) {
  stream.expires_after(kTimeout);
  stream.connect(endpoint);
  return stream ? std::string() : stream.error().message();
}

// The beginning of one that is longer than any that is asked for.
bool read_line(Stream& stream, std::string& line) {
  std::array<char, 1000> buffer{};
  stream.getline(buffer.data(), buffer.size());
  line = buffer.data();
  if (line.ends_with('\r')) line.pop_back();
  return stream.gcount() > 0;
}

std::string ended(const Stream& stream) {
  return stream.error() ? stream.error().message() : "it hangs up";
}

}  // namespace

daemon::Endpoint postfix_endpoint(const std::string& text) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::string_view kLocal = "inet:localhost:";
  try {
    if (text.starts_with(kUnix))
      return daemon::asio::local::stream_protocol::endpoint(text.substr(kUnix.size()));
    if (text.starts_with(kLocal))
      return daemon::parse_endpoint("inet:127.0.0.1:" + text.substr(kLocal.size()));
    return daemon::parse_endpoint(text);
  } catch (const std::exception& error) {
    throw Failure(error.what());
  }
}

std::string cannot_connect(const daemon::Endpoint& endpoint) {
  Stream stream;
  return open(stream, endpoint);
}

std::string cannot_look_up(const daemon::Endpoint& endpoint, const std::string& map, const std::string& key) {
  daemon::SocketmapQuery query(endpoint);
  const auto reply = query.ask({map, key}, kTimeout);
  if (!reply) return reply.error().message();
  if (reply->status == postfix::SocketmapStatus::ok) return {};
  if (reply->status == postfix::SocketmapStatus::notfound) return "it does not know " + key;
  return "it answers " + printable(reply->text);
}

std::string cannot_ask_policy(const daemon::Endpoint& endpoint) {
  Stream stream;
  if (auto text = open(stream, endpoint); !text.empty()) return text;
  stream << "request=smtpd_access_policy\nprotocol_state=CONNECT\nprotocol_name=SMTP\n\n" << std::flush;
  std::string line;
  if (!read_line(stream, line)) return ended(stream);
  return line.starts_with("action=") ? std::string() : "it answers what is no action";
}

std::string cannot_greet(const daemon::Endpoint& endpoint) {
  Stream stream;
  if (auto text = open(stream, endpoint); !text.empty()) return text;
  std::string line;
  if (!read_line(stream, line)) return ended(stream);
  if (!line.starts_with("220")) return "it greets with " + printable(line.substr(0, 100));
  stream << "QUIT\r\n" << std::flush;
  return {};
}

}  // namespace smtpseal::cli
