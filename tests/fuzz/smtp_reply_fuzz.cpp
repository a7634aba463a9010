// Replies of a server, through the line reader, the reply parser, the EHLO parser and the formatter.
#include "fuzz.hpp"
#include "smtpseal/smtp/ehlo.hpp"
#include "smtpseal/smtp/line_reader.hpp"
#include "smtpseal/smtp/reply.hpp"

using namespace smtpseal;
using fuzz::require;

namespace {

// Whatever a peer said, passing it on is well-formed lines of bounded length and nothing else.
void check_reply(const smtp::Reply& reply) {
  require(reply.code >= 200 && reply.code <= 599);
  require(!reply.lines.empty() && reply.lines.size() <= smtp::kMaxReplyLines);
  (void)smtp::parse_ehlo(reply);

  const std::string formatted = smtp::format(reply);
  smtp::LineReader reader(12288);
  smtp::ReplyParser parser;
  std::string_view rest = formatted;
  for (std::size_t i = 0; i < reply.lines.size(); ++i) {
    std::size_t consumed = 0;
    const auto line = reader.feed(rest, consumed);
    require(line && *line);
    const auto parsed = parser.feed(**line);
    require(parsed && parsed->has_value() == (i + 1 == reply.lines.size()));
    rest.remove_prefix(consumed);
  }
  require(rest.empty());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text(data, size);
  smtp::LineReader reader(2048);
  smtp::ReplyParser parser;
  while (!rest.empty()) {
    std::size_t consumed = 0;
    const auto line = reader.feed(rest, consumed);
    if (!line || !*line) return 0;
    rest.remove_prefix(consumed);
    const auto reply = parser.feed(**line);
    if (!reply) return 0;
    if (*reply) check_reply(**reply);
  }
  return 0;
}
