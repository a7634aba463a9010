// SMTP replies: parsing a peer's with validation before use, and making our own in one place.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/result.hpp"
#include "smtpseal/smtp/errc.hpp"

namespace smtpseal::smtp {

// A reply of any side. Lines are without code and CRLF. `status` is an enhanced status code (RFC 3463) such
// as "4.7.0"; empty where there is none. Replies of peers keep it inside the text, as it was said.
struct Reply {
  int code = 0;
  std::string status;
  std::vector<std::string> lines;

  Reply() = default;
  Reply(int reply_code, std::string enhanced_status, std::string text)
      : code(reply_code), status(std::move(enhanced_status)), lines{std::move(text)} {}

  [[nodiscard]] bool is_positive() const { return code >= 200 && code < 300; }
  [[nodiscard]] bool is_intermediate() const { return code >= 300 && code < 400; }
  [[nodiscard]] bool is_temporary() const { return code >= 400 && code < 500; }
  [[nodiscard]] bool is_permanent() const { return code >= 500 && code < 600; }
  // All lines joined by one space, code and status first: for logs.
  [[nodiscard]] std::string one_line() const;
};

inline constexpr std::size_t kMaxReplyLine = 512;  // RFC 5321 4.5.3.1.5, CRLF included; ours are cut to it

// "250-first\r\n250 last\r\n". CR, LF, NUL and other controls but TAB become '?'; lines are cut to
// kMaxReplyLine, or 12288 octets for 334 (RFC 4954). The status stands on every line (RFC 2034). REQUIRES: a
// code from 200 to 599.
std::string format(const Reply& reply);

// Collects replies from their lines; ready for the next one after each. Text may be 8-bit (RFC 6531), but has
// no control other than TAB. Bounded: kMaxReplyLines lines of the line reader's limit.
inline constexpr std::size_t kMaxReplyLines = 128;
class ReplyParser {
 public:
  // Feeds one line without CRLF. nullopt: more lines follow. Errors: malformed_reply, reply_too_long; both
  // final: parser_finished after that.
  [[nodiscard]] Result<std::optional<Reply>> feed(std::string_view line);

 private:
  std::optional<errc> add(std::string_view line);

  Reply reply_;
  bool failed_ = false;
};

}  // namespace smtpseal::smtp
