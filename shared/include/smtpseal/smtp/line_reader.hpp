// Cuts a stream into CRLF-terminated lines. CRLF is the only line end; a lone CR or LF, a NUL and an
// over-long line are final errors, so that nothing can be smuggled past us as a line the next hop would see
// differently. Sans I/O.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "smtpseal/result.hpp"
#include "smtpseal/smtp/errc.hpp"

namespace smtpseal::smtp {

class LineReader {
 public:
  // `limit`: longest line in octets, CRLF included (RFC 5321 4.5.3.1: at least 512 for commands; 12288 for
  // AUTH, RFC 4954).
  explicit LineReader(std::size_t limit) : limit_(limit) {}

  // Takes octets up to and including the first line end; `consumed` says how many. A result of nullopt means
  // that all was taken and more is needed. The line is without CRLF and valid until the next call.
  [[nodiscard]] Result<std::optional<std::string_view>> feed(std::string_view data, std::size_t& consumed);

  void set_limit(std::size_t limit) { limit_ = limit; }
  [[nodiscard]] bool has_partial_line() const { return !line_.empty() && !complete_; }
  // Wipes the buffered line: call after a line that carried a secret.
  void forget();

 private:
  [[nodiscard]] std::optional<errc> check(char octet) const;
  void append(char octet);
  void start_line();

  std::size_t limit_;
  std::string line_;
  bool complete_ = false;
  std::optional<ErrorCode> failed_;
};

}  // namespace smtpseal::smtp
