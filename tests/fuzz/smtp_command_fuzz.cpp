// Lines of a client, split and parsed; what was accepted must come out of format_envelope() as the same
// value.
#include "fuzz.hpp"
#include "smtpseal/smtp/command.hpp"
#include "smtpseal/smtp/line_reader.hpp"

using namespace smtpseal;
using fuzz::require;

namespace {

using Parse = Result<smtp::Envelope> (*)(std::string_view);

void check_envelope(std::string_view argument, std::string_view prefix, Parse parse) {
  const auto envelope = parse(argument);
  if (!envelope) return;
  const std::string formatted = smtp::format_envelope(prefix, *envelope);
  require(formatted.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  const auto again = parse(formatted);
  require(again.has_value());
  require(again->path == envelope->path);
  require(smtp::format_envelope(prefix, *again) == formatted);
}

void check_codecs(std::string_view text) {
  require(*smtp::from_xtext(smtp::to_xtext(text)) == text);
  require(*smtp::from_base64(smtp::to_base64(text)) == text);
  (void)smtp::from_xtext(text);
  if (const auto octets = smtp::from_base64(text)) {
    require(text.starts_with(smtp::to_base64(*octets)));
  }
}

void check_line(std::string_view line) {
  const smtp::Command command = smtp::parse_command(line);
  check_envelope(command.argument, "FROM:", smtp::parse_mail);
  check_envelope(command.argument, "TO:", smtp::parse_rcpt);
  (void)smtp::parse_bdat(command.argument);
  check_codecs(command.argument);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text(data, size);
  check_line(rest);
  smtp::LineReader reader(2048);
  while (!rest.empty()) {
    std::size_t consumed = 0;
    const auto line = reader.feed(rest, consumed);
    if (!line || !*line) return 0;
    require(consumed > 0 && (*line)->find_first_of("\r\n") == std::string_view::npos);
    check_line(**line);
    rest.remove_prefix(consumed);
  }
  return 0;
}
