// The socketmap protocol of Postfix (socketmap_table(5)) and Sendmail: netstrings "mapname key" and "OK
// value", "NOTFOUND ", "TEMP reason", "TIMEOUT reason", "PERM reason". Sans I/O; bounded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "smtpseal/result.hpp"

namespace smtpseal::postfix {

enum class errc {
  bad_netstring = 1,  // not <digits>:<octets>, — the connection must be closed
  request_too_long,   // longer than kMaxSocketmap
  bad_request,        // no space between map name and key, or an empty name
  bad_reply,          // the status is none of the protocol's words: as good as a temporary failure
};
const boost::system::error_category& category();
inline ErrorCode make_error_code(errc e) {
  return {static_cast<int>(e), category()};
}

inline constexpr std::size_t kMaxSocketmap = 100000;  // Postfix's own limit (socketmap_max_reply_size)
inline constexpr std::size_t kMaxReason =
    500;  // of TEMP and PERM, since it ends up in log lines and SMTP replies

struct SocketmapRequest {
  std::string map;
  std::string key;
};

enum class SocketmapStatus { ok, notfound, temp, perm };

struct SocketmapReply {
  SocketmapStatus status = SocketmapStatus::notfound;
  std::string text;  // value or reason
};

// Collects netstrings from a stream.
class NetstringReader {
 public:
  explicit NetstringReader(std::size_t limit = kMaxSocketmap) : limit_(limit) {}
  // As LineReader::feed: at most one netstring a call; `consumed` says how far. The text is valid until the
  // next call. Errors are final: bad_netstring, request_too_long (longer than `limit`, found before anything
  // is stored).
  [[nodiscard]] Result<std::optional<std::string_view>> feed(std::string_view data, std::size_t& consumed);

 private:
  enum class State { length, body, comma, done, failed };
  std::optional<errc> take(char octet);
  std::optional<errc> take_length(char octet);
  std::size_t take_body(std::string_view data);
  void start();

  std::size_t limit_;
  State state_ = State::length;
  std::size_t digits_ = 0;
  std::size_t length_ = 0;
  std::string body_;
};

std::string to_netstring(std::string_view text);
// The key is everything behind the first space, and may be empty.
[[nodiscard]] Result<SocketmapRequest> parse_socketmap_request(std::string_view text);
// TIMEOUT is read as TEMP. Errors: bad_reply.
[[nodiscard]] Result<SocketmapReply> parse_socketmap_reply(std::string_view text);
std::string format_socketmap_request(const SocketmapRequest& request);  // as netstring
// As netstring. A reason is cut to kMaxReason and loses its control characters; a value that is too long
// becomes TEMP.
std::string format_socketmap_reply(const SocketmapReply& reply);

}  // namespace smtpseal::postfix

template <>
struct boost::system::is_error_code_enum<smtpseal::postfix::errc> : std::true_type {};
