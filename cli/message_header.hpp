// The header of a message as a file has it (RFC 5322), for people who want it explained: lenient, bounded,
// and says what is malformed.
#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <vector>

namespace smtpseal::cli {

inline constexpr std::size_t kMaxHeader = 1024 * 1024;  // octets that are read

struct HeaderField {
  std::string name;
  std::string value;  // unfolded: line ends are gone, blanks behind them stay
  unsigned line = 0;  // from 1
};

struct MessageHeader {
  std::vector<HeaderField> fields;
  std::vector<std::string> malformed;  // a sentence each
};

// Reads up to the empty line, the end, or kMaxHeader octets. A line "From ..." of mbox at the start is passed
// over.
MessageHeader read_header(std::istream& input);

}  // namespace smtpseal::cli
