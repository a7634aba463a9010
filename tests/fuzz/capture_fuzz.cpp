// Frames of a capture. The first octet chooses the link type; then come frames, each behind a length of two
// octets. All that is kept is read as a session with a login. What comes out is bounded by what went in.
#include "analyze/report_json.hpp"
#include "analyze/report_text.hpp"
#include "fuzz.hpp"

#include <sstream>

using namespace smtpseal;
using namespace smtpseal::analyze;
using fuzz::require;

namespace {

const std::shared_ptr<const crypto::Engine>& engine() {
  static const auto instance = crypto::Engine::create().value();
  return instance;
}

const policy::StoredSecret& secret() {
  static const auto known = policy::parse_secret(*engine(), "Secret-Pw1");
  return *known.secret;
}

std::size_t octets_of(const Conversation& conversation) {
  std::size_t octets = 0;
  for (const Turn& turn : conversation.turns) octets += turn.data.size();
  return octets;
}

void check(const Conversation& conversation) {
  const auto report = analyze_session(*engine(), conversation, {{"", "doug"}, secret()});
  if (!report) return;
  std::ostringstream text;
  print_session(text, 1, *report, {true});
  const std::string printed = text.str();
  for (const char c : printed) require(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t');
  require(!to_json(*report).dump(-1, ' ', true).empty());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto link = static_cast<LinkType>(data[0] % 5);
  ByteSpan rest = fuzz::bytes(data + 1, size - 1);
  Conversations conversations({25}, {.octets = 65536, .connections = 8, .stream = {4096, 16}});
  while (rest.size() >= 2) {
    const std::size_t wire_size =
        std::to_integer<std::size_t>(rest[0]) << 8U | std::to_integer<std::size_t>(rest[1]);
    const ByteSpan frame = rest.subspan(2, std::min(wire_size, rest.size() - 2));
    const Frame read = read_frame(link, frame, wire_size);
    if (read.kind == FrameKind::tcp) require(read.segment.payload.size() + read.segment.cut <= wire_size);
    conversations.add(link, frame, wire_size, 0);
    rest = rest.subspan(2 + frame.size());
  }
  std::size_t octets = 0;
  for (const auto& conversation : conversations.finish()) {
    octets += octets_of(conversation);
    check(conversation);
  }
  require(octets <= size && octets <= 65536);
  return 0;
}
