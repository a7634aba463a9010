#include "smtpseal/ntlm/challenge.hpp"

#include <algorithm>

#include "fields.hpp"
#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::ntlm {

namespace {

constexpr std::size_t kShortSize = 32;
constexpr std::size_t kFixedSize = 48;

}  // namespace

Result<Challenge> decode_challenge(ByteSpan wire) {
  if (const auto checked = check_message(wire, MessageType::challenge, kShortSize); !checked)
    return checked.error();
  const bool has_info = (load_u32le(wire.data() + 20) & kTargetInfo) != 0;
  if (has_info && wire.size() < kFixedSize) return make_error_code(errc::truncated);

  ByteReader reader(wire.subspan(12));
  FieldReader fields(wire, has_info ? kFixedSize : kShortSize);
  Challenge message;
  message.target_name = fields.read(reader);
  message.flags = reader.u32le();
  std::ranges::copy(reader.take(8), message.server_challenge.begin());
  if (has_info) {
    reader.take(8);  // reserved
    message.target_info = fields.read(reader);
  }
  if (!fields.ok()) return make_error_code(errc::bad_offset);
  return message;
}

Bytes encode_challenge(const Challenge& message) {
  FieldWriter fields(kFixedSize + (message.version ? sizeof(Version) : 0));
  Bytes wire;
  append_message_start(wire, MessageType::challenge);
  append_field(wire, fields.place(message.target_name));
  append_u32le(wire, message.flags);
  append(wire, message.server_challenge);
  append_u64le(wire, 0);  // reserved
  append_field(wire, fields.place(message.target_info));
  if (message.version) append(wire, *message.version);
  append(wire, message.target_name);
  append(wire, message.target_info);
  return wire;
}

}  // namespace smtpseal::ntlm
