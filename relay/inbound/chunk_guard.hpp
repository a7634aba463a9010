// Watches BDAT content (RFC 3030) for a CR or LF outside CRLF: what is counted instead of dot-terminated must
// keep the same line ends, or it turns into something else at the first hop that speaks DATA. Sans I/O,
// constant memory.
#pragma once

#include <string_view>

namespace smtpseal::relay {

class ChunkGuard {
 public:
  void feed(std::string_view octets);
  // After the last chunk: a CR must not be left over.
  void finish() { bad_ = bad_ || after_cr_; }
  [[nodiscard]] bool is_bad() const { return bad_; }

 private:
  bool after_cr_ = false;
  bool bad_ = false;
};

}  // namespace smtpseal::relay
