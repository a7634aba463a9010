#include "smtpseal/smtp/reply.hpp"

#include <algorithm>
#include <utility>

#include "ascii.hpp"

namespace smtpseal::smtp {

namespace {

constexpr std::size_t kCodeSize = 3;
constexpr int kContinueAuth = 334;               // RFC 4954: its text is base64 and must arrive whole,
constexpr std::size_t kMaxContinueAuth = 12288;  // at most this long (section 4)

bool is_text_octet(char c) {
  return c == '\t' || !ascii::is_control(c);
}

// Cut to `limit` octets, not within a UTF-8 character.
std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  const auto is_continuation = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  // A UTF-8 character has at most 3 continuation octets; more of them are not UTF-8, and any place is as
  // good.
  std::size_t end = limit;
  while (end > 0 && limit - end < 3 && is_continuation(text[end])) --end;
  return text.substr(0, is_continuation(text[end]) ? limit : end);
}

void append_line(std::string& to, const Reply& reply, std::string_view text, bool is_last) {
  std::string line = std::to_string(reply.code);
  line.push_back(is_last ? ' ' : '-');
  line.append(reply.status);
  if (!reply.status.empty() && !text.empty()) line.push_back(' ');
  line.append(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return !is_text_octet(c); }, '?');
  const std::size_t limit = reply.code == kContinueAuth ? kMaxContinueAuth : kMaxReplyLine;
  to.append(cut(line, limit - 2)).append("\r\n");
}

// NNN of RFC 5321 4.2.1; 0 where it is none. Servers with a second digit above 5 exist, and it is never
// looked at.
int parse_code(std::string_view line) {
  if (line.size() < kCodeSize || line[0] < '2' || line[0] > '5') return 0;
  if (!ascii::is_digit(line[1]) || !ascii::is_digit(line[2])) return 0;
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

}  // namespace

std::string Reply::one_line() const {
  std::string text = std::to_string(code);
  if (!status.empty()) text.append(" ").append(status);
  for (const std::string& line : lines) {
    if (!line.empty()) text.append(" ").append(line);
  }
  return text;
}

std::string format(const Reply& reply) {
  std::string text;
  if (reply.lines.empty()) append_line(text, reply, {}, true);
  for (std::size_t i = 0; i < reply.lines.size(); ++i) {
    append_line(text, reply, reply.lines[i], i + 1 == reply.lines.size());
  }
  return text;
}

Result<std::optional<Reply>> ReplyParser::feed(std::string_view line) {
  if (failed_) return make_error_code(errc::parser_finished);
  const auto problem = add(line);
  if (problem) {
    failed_ = true;
    return make_error_code(*problem);
  }
  // RFC 5321 4.2: a line of the code alone is a last one.
  if (line.size() > kCodeSize && line[kCodeSize] == '-') return std::optional<Reply>();
  return std::optional<Reply>(std::exchange(reply_, Reply()));
}

std::optional<errc> ReplyParser::add(std::string_view line) {
  const int code = parse_code(line);
  const bool is_separated = line.size() <= kCodeSize || line[kCodeSize] == ' ' || line[kCodeSize] == '-';
  if (code == 0 || !is_separated || !std::all_of(line.begin(), line.end(), is_text_octet)) {
    return errc::malformed_reply;
  }
  if (!reply_.lines.empty() && code != reply_.code) return errc::malformed_reply;
  if (reply_.lines.size() == kMaxReplyLines) return errc::reply_too_long;
  reply_.code = code;
  reply_.lines.emplace_back(line.size() > kCodeSize ? line.substr(kCodeSize + 1) : std::string_view());
  return std::nullopt;
}

}  // namespace smtpseal::smtp
