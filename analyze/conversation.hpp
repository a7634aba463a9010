// The TCP connections of a capture to the ports asked for: what either side said, in the order in which it
// came. The order over both directions matters: without extended session security they share one RC4 state.
// Pure. Bounded: by the octets kept in all, and by the number of connections.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "packet.hpp"
#include "stream.hpp"

namespace smtpseal::analyze {

enum class Side { client, server };

// One side's octets, up to where the other's begin or something is missing.
struct Turn {
  Side side = Side::client;
  std::uint64_t missing = 0;  // octets of this side that the capture lacks, before these
  Bytes data;
};

struct Conversation {
  Endpoint client;
  Endpoint server;
  std::int64_t began = 0;      // seconds since 1970 of its first packet
  bool has_beginning = false;  // the capture has its first packet (SYN)
  std::vector<Turn> turns;
};

// What was left out of the conversations, and why.
struct Omissions {
  std::uint64_t packets = 0;     // seen in all
  std::uint64_t fragments = 0;   // of IP
  std::uint64_t unreadable = 0;  // headers cut or contradictory
  std::uint64_t cut = 0;         // payload cut by the snapshot length
  bool over_limit = false;       // the rest of the capture was not kept
};

class Conversations {
 public:
  struct Limits {
    std::size_t octets = std::size_t{256} * 1024 * 1024;
    std::size_t connections = 100000;
    StreamLimits stream;
  };

  explicit Conversations(std::set<std::uint16_t> server_ports)
      : Conversations(std::move(server_ports), Limits()) {}
  Conversations(std::set<std::uint16_t> server_ports, Limits limits);

  void add(LinkType link, ByteSpan captured, std::size_t wire_size, std::int64_t seconds);
  // In the order of their beginning. REQUIRES: it is the last call.
  [[nodiscard]] std::vector<Conversation> finish();
  [[nodiscard]] const Omissions& omissions() const { return omissions_; }

 private:
  struct Connection {
    Conversation said;
    std::array<Stream, 2> streams;
  };
  using Ends = std::pair<Endpoint, Endpoint>;  // client, server

  void add_segment(const Segment& segment, std::int64_t seconds);
  [[nodiscard]] Connection* find(const Segment& segment, Side& side);
  Connection* open(const Segment& segment, std::int64_t seconds, Side& side);
  void keep(Connection& connection, Side side, std::vector<Chunk>& ordered);

  std::set<std::uint16_t> ports_;
  Limits limits_;
  Omissions omissions_;
  std::size_t octets_ = 0;
  std::vector<Connection> connections_;
  std::map<Ends, std::size_t> open_;
};

}  // namespace smtpseal::analyze
