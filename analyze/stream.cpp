#include "stream.hpp"

#include <utility>

namespace smtpseal::analyze {

namespace {

// Keeps places above zero, so that a segment from before the first one has a place too.
constexpr std::uint64_t kFirstRound = std::uint64_t{1} << 32U;
// TCP never has more in flight than 2^30 octets (RFC 7323 section 2.3).
constexpr std::uint64_t kWindow = std::uint64_t{1} << 30U;

}  // namespace

void Stream::begin(std::uint32_t sequence) {
  next_ = kFirstRound + sequence;
}

// The place nearest to the next octet that has this sequence number.
std::uint64_t Stream::place_of(std::uint32_t sequence) const {
  const auto distance = static_cast<std::int32_t>(sequence - static_cast<std::uint32_t>(*next_));
  return *next_ + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
}

void Stream::add(std::uint32_t sequence, ByteSpan data, std::size_t cut, std::vector<Chunk>& ordered) {
  if (data.empty() && cut == 0) return;
  if (!next_) begin(sequence);
  const std::uint64_t place = place_of(sequence);
  if (place > *next_ + kWindow || place + data.size() + cut <= *next_) return;
  hold(place, data, cut);
  release(ordered);
  while (is_full()) {
    skip_to_first();
    release(ordered);
  }
}

void Stream::finish(std::vector<Chunk>& ordered) {
  while (!held_.empty()) {
    skip_to_first();
    release(ordered);
  }
  if (missing_ > 0) ordered.push_back({std::exchange(missing_, 0), {}});
}

// Of two segments at the same place the one with more octets stays.
void Stream::hold(std::uint64_t place, ByteSpan data, std::size_t cut) {
  Held& held = held_[place];
  if (held.data.size() >= data.size() && (held.cut != 0 || !held.data.empty())) return;
  held_octets_ += data.size() - held.data.size();
  held.data.assign(data.begin(), data.end());
  held.cut = cut;
}

void Stream::release(std::vector<Chunk>& ordered) {
  while (!held_.empty() && held_.begin()->first <= *next_) take_first(ordered);
}

// REQUIRES: the first held segment does not begin behind the next octet.
void Stream::take_first(std::vector<Chunk>& ordered) {
  const std::uint64_t place = held_.begin()->first;
  Held held = std::move(held_.begin()->second);
  held_.erase(held_.begin());
  held_octets_ -= held.data.size();
  const std::uint64_t known = *next_ - place;
  const std::uint64_t end = place + held.data.size() + held.cut;
  if (known < held.data.size()) {
    held.data.erase(held.data.begin(), held.data.begin() + static_cast<std::ptrdiff_t>(known));
    *next_ += held.data.size();
    ordered.push_back({std::exchange(missing_, 0), std::move(held.data)});
  }
  if (held.cut > 0 && end > *next_) {
    missing_ += end - *next_;
    next_ = end;
  }
}

void Stream::skip_to_first() {
  const std::uint64_t place = held_.begin()->first;
  missing_ += place - *next_;
  next_ = place;
}

bool Stream::is_full() const {
  return held_octets_ > limits_.held_octets || held_.size() > limits_.held_segments;
}

}  // namespace smtpseal::analyze
