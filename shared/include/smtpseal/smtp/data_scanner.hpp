// Follows the octets after 354 up to the end-of-data mark (RFC 5321 4.1.1.4) and guards the line ends. Sans
// I/O; constant memory; any chunking. Dot-stuffing is left as it is, since both hops use the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace smtpseal::smtp {

// What becomes of a CR or LF outside CRLF: `refuse` marks the message bad; `normalise` makes a CRLF of it.
// Neither ever passes it on as it came. A line that comes to begin with a dot because the line end before it
// was normalised, or to consist of a dot because the one behind it was, gets a further dot: it was content
// and stays content.
enum class StrayLineEnds { refuse, normalise };

class DataScanner {
 public:
  // `max_line`: a line longer than this many octets, CRLF included, marks the message bad (RFC
  // 5321 4.5.3.1.6: at least 1000). 0: no limit.
  DataScanner(StrayLineEnds mode, std::size_t max_line) : mode_(mode), max_line_(max_line) {}

  // Takes octets, appends to `out` what may go to the next hop: message content with CRLF line ends, without
  // the final
  // ".CRLF". Returns how many octets were consumed: all of them, or up to and including the end-of-data mark,
  // after which is_complete() is true. After is_bad() nothing more is appended, but the end is still found,
  // by CRLF "." CRLF only.
  std::size_t feed(std::string_view data, std::string& out);

  [[nodiscard]] bool is_complete() const { return state_ == State::complete; }
  [[nodiscard]] bool is_bad() const { return bad_ != nullptr; }
  // Why the message is bad, in words for the reply; nullptr when it is not.
  [[nodiscard]] const char* problem() const { return bad_; }
  // Content octets so far (RFC 1870 section 3): without the end-of-data mark and without stuffed dots. Those
  // of a bad message are counted too.
  [[nodiscard]] std::uint64_t octets() const { return octets_; }

 private:
  // line_start: behind a CRLF, or at the very start. stray_start: behind a CR or LF that is not part of CRLF;
  // the end of data cannot be here. after_cr, dot, dot_cr: what the name says was taken and is held back.
  enum class State { line_start, stray_start, in_line, after_cr, dot, dot_cr, complete };

  // True where `octet` begins or continues a line that can go on as it is.
  [[nodiscard]] bool is_plain_start(char octet) const;
  void take(char octet, std::string& out);
  void take_lf(std::string& out);
  void end_stray_line(std::string& out);
  void start_line(State state);
  void add_to_line(std::size_t count);
  void pass(std::string_view text, std::string& out);
  void pass_stuffing(std::string& out);
  void set_bad(const char* problem);

  StrayLineEnds mode_;
  std::size_t max_line_;
  std::size_t line_length_ = 0;
  State state_ = State::line_start;
  const char* bad_ = nullptr;
  std::uint64_t octets_ = 0;
};

}  // namespace smtpseal::smtp
