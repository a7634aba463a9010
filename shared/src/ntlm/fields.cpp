#include "fields.hpp"

#include <algorithm>

#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::ntlm {

Result<> check_message(ByteSpan wire, MessageType type, std::size_t fixed_size) {
  if (wire.size() > kMaxMessage) return make_error_code(errc::too_long);
  ByteReader reader(wire);
  const ByteSpan signature = reader.take(kSignature.size());
  const std::uint32_t got_type = reader.u32le();
  if (!reader.ok()) return make_error_code(errc::truncated);
  if (!std::ranges::equal(as_text(signature), kSignature) || got_type != static_cast<std::uint32_t>(type)) {
    return make_error_code(errc::bad_signature);
  }
  if (wire.size() < fixed_size) return make_error_code(errc::truncated);
  return {};
}

ByteSpan FieldReader::read(ByteReader& header) {
  const std::size_t length = header.u16le();
  header.u16le();  // the maximum length must be ignored on receipt
  const std::size_t offset = header.u32le();
  if (length == 0) return {};
  if (offset < fixed_ || offset > message_.size() || length > message_.size() - offset ||
      !is_free(offset, offset + length)) {
    ok_ = false;
    return {};
  }
  used_[used_count_++] = {offset, offset + length};
  payload_start_ = std::min(payload_start_, offset);
  return message_.subspan(offset, length);
}

bool FieldReader::is_free(std::size_t begin, std::size_t end) const {
  return std::all_of(used_.begin(), used_.begin() + static_cast<std::ptrdiff_t>(used_count_),
                     [=](const auto& other) { return end <= other.first || begin >= other.second; });
}

void append_message_start(Bytes& message, MessageType type) {
  append(message, std::as_bytes(std::span(kSignature)));
  append_u32le(message, static_cast<std::uint32_t>(type));
}

void append_field(Bytes& message, const FieldWriter::Place& place) {
  append_u16le(message, static_cast<std::uint16_t>(place.data.size()));
  append_u16le(message, static_cast<std::uint16_t>(place.data.size()));
  append_u32le(message, static_cast<std::uint32_t>(place.offset));
}

}  // namespace smtpseal::ntlm
