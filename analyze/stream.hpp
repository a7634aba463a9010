// One direction of a TCP connection, put together from its segments. Pure. Bounded: what came too early is
// kept up to a limit, behind which the octets that are missing count as lost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "smtpseal/bytes.hpp"

namespace smtpseal::analyze {

// Octets in order. `missing` ones were on the wire before them and are not in the capture.
struct Chunk {
  std::uint64_t missing = 0;
  Bytes data;
};

struct StreamLimits {
  std::size_t held_octets = std::size_t{4} * 1024 * 1024;
  std::size_t held_segments = 4096;
};

class Stream {
 public:
  explicit Stream(StreamLimits limits = {}) : limits_(limits) {}

  // The sequence number of the first octet. Without a call the first segment says it.
  void begin(std::uint32_t sequence);
  // Takes a segment: its first sequence number, its octets, and how many the capture has cut off behind them.
  // Appends what is in order now. Where octets come again, the first ones stay.
  void add(std::uint32_t sequence, ByteSpan data, std::size_t cut, std::vector<Chunk>& ordered);
  // The capture ends: what is held comes out, with what is missing before it.
  void finish(std::vector<Chunk>& ordered);

 private:
  struct Held {
    Bytes data;
    std::size_t cut = 0;
  };

  [[nodiscard]] std::uint64_t place_of(std::uint32_t sequence) const;
  void hold(std::uint64_t place, ByteSpan data, std::size_t cut);
  void release(std::vector<Chunk>& ordered);
  void take_first(std::vector<Chunk>& ordered);
  void skip_to_first();
  [[nodiscard]] bool is_full() const;

  StreamLimits limits_;
  std::optional<std::uint64_t> next_;  // sequence number, counted on beyond 32 bits
  std::uint64_t missing_ = 0;          // before the next chunk
  std::map<std::uint64_t, Held> held_;
  std::size_t held_octets_ = 0;
};

}  // namespace smtpseal::analyze
