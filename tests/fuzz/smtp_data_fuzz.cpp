// Message data: the first octet chooses the mode and the size of the chunks. Whatever is fed, nobody finds an
// end of data in what is passed on but the one that we write.
#include <algorithm>

#include "fuzz.hpp"
#include "smtpseal/smtp/data_scanner.hpp"

using namespace smtpseal;
using fuzz::require;
using smtp::DataScanner;

namespace {

constexpr std::size_t kMaxLine = 64;

struct Scan {
  DataScanner scanner;
  std::string out;
  std::size_t consumed = 0;
};

Scan scan(std::string_view data, smtp::StrayLineEnds mode, std::size_t piece) {
  Scan scan{DataScanner(mode, kMaxLine), {}, 0};
  while (scan.consumed < data.size() && !scan.scanner.is_complete()) {
    scan.consumed += scan.scanner.feed(data.substr(scan.consumed, piece), scan.out);
  }
  return scan;
}

std::size_t strict_end(std::string_view data) {
  if (data.starts_with(".\r\n")) return 3;
  const std::size_t found = data.find("\r\n.\r\n");
  return found == std::string_view::npos ? data.size() : found + 5;
}

void check_passed_on(const std::string& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] == '\r') require(i + 1 < out.size() && out[i + 1] == '\n');
    if (out[i] == '\n') require(i > 0 && out[i - 1] == '\r');
  }
  const std::string sent = out + ".\r\n";
  require(out.empty() || out.ends_with("\r\n"));
  require(strict_end(sent) == sent.size());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto mode = (data[0] & 1) == 0 ? smtp::StrayLineEnds::refuse : smtp::StrayLineEnds::normalise;
  const std::string_view text = fuzz::text(data + 1, size - 1);
  const Scan whole = scan(text, mode, text.size());
  const Scan pieces = scan(text, mode, std::size_t{1} + (data[0] >> 1));

  require(whole.consumed == strict_end(text));
  require(pieces.consumed == whole.consumed);
  require(pieces.scanner.is_complete() == whole.scanner.is_complete());
  require(pieces.scanner.is_bad() == whole.scanner.is_bad());
  require(pieces.scanner.octets() == whole.scanner.octets());
  if (whole.scanner.is_bad()) return 0;
  require(pieces.out == whole.out);
  if (whole.scanner.is_complete()) check_passed_on(whole.out);
  return 0;
}
