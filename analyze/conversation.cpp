#include "conversation.hpp"

#include <utility>

namespace smtpseal::analyze {

Conversations::Conversations(std::set<std::uint16_t> server_ports, Limits limits)
    : ports_(std::move(server_ports)), limits_(limits) {}

void Conversations::add(LinkType link, ByteSpan captured, std::size_t wire_size, std::int64_t seconds) {
  ++omissions_.packets;
  const Frame frame = read_frame(link, captured, wire_size);
  if (frame.kind == FrameKind::fragment) ++omissions_.fragments;
  if (frame.kind == FrameKind::unreadable) ++omissions_.unreadable;
  if (frame.kind == FrameKind::tcp) add_segment(frame.segment, seconds);
}

void Conversations::add_segment(const Segment& segment, std::int64_t seconds) {
  if (!ports_.contains(segment.destination.port) && !ports_.contains(segment.source.port)) return;
  Side side = Side::client;
  // SYN without ACK begins a connection, maybe between ports that had one before.
  const bool begins = segment.is_syn && !segment.is_ack;
  Connection* connection = begins ? nullptr : find(segment, side);
  if (connection == nullptr) connection = open(segment, seconds, side);
  if (connection == nullptr) return;
  if (segment.cut > 0) ++omissions_.cut;
  Stream& stream = connection->streams[static_cast<std::size_t>(side)];
  if (segment.is_syn) stream.begin(segment.sequence + 1);
  std::vector<Chunk> ordered;
  stream.add(segment.sequence + (segment.is_syn ? 1 : 0), segment.payload, segment.cut, ordered);
  keep(*connection, side, ordered);
}

Conversations::Connection* Conversations::find(const Segment& segment, Side& side) {
  side = Side::client;
  auto found = open_.find({segment.source, segment.destination});
  if (found == open_.end()) {
    side = Side::server;
    found = open_.find({segment.destination, segment.source});
  }
  return found == open_.end() ? nullptr : &connections_[found->second];
}

// Null where there is nothing to open: an empty segment of a connection that ends, or too many.
Conversations::Connection* Conversations::open(const Segment& segment, std::int64_t seconds, Side& side) {
  if (!segment.is_syn && segment.payload.empty()) return nullptr;
  if (connections_.size() >= limits_.connections) {
    omissions_.over_limit = true;
    return nullptr;
  }
  const bool is_answer = segment.is_syn ? segment.is_ack : !ports_.contains(segment.destination.port);
  side = is_answer ? Side::server : Side::client;
  const auto& client = is_answer ? segment.destination : segment.source;
  const auto& server = is_answer ? segment.source : segment.destination;
  if (!ports_.contains(server.port)) return nullptr;
  Connection connection;
  connection.said = {client, server, seconds, segment.is_syn, {}};
  connection.streams = {Stream(limits_.stream), Stream(limits_.stream)};
  connections_.push_back(std::move(connection));
  open_[{client, server}] = connections_.size() - 1;
  return &connections_.back();
}

void Conversations::keep(Connection& connection, Side side, std::vector<Chunk>& ordered) {
  auto& turns = connection.said.turns;
  for (auto& chunk : ordered) {
    octets_ += chunk.data.size();
    if (octets_ > limits_.octets) {
      omissions_.over_limit = true;
      return;
    }
    const bool goes_on = !turns.empty() && turns.back().side == side && chunk.missing == 0;
    if (!goes_on) turns.push_back({side, chunk.missing, {}});
    append(turns.back().data, chunk.data);
  }
}

std::vector<Conversation> Conversations::finish() {
  std::vector<Conversation> said;
  for (auto& connection : connections_) {
    for (const Side side : {Side::client, Side::server}) {
      std::vector<Chunk> ordered;
      connection.streams[static_cast<std::size_t>(side)].finish(ordered);
      keep(connection, side, ordered);
    }
    said.push_back(std::move(connection.said));
  }
  return said;
}

}  // namespace smtpseal::analyze
