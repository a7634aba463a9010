#include "smtpseal/ntlm/authenticate.hpp"

#include <algorithm>
#include <array>

#include "fields.hpp"

namespace smtpseal::ntlm {

namespace {

constexpr std::size_t kFixedSize = 64;

std::size_t size_before_payload(const Authenticate& message) {
  if (message.has_mic_room) return kMicOffset + kMicSize;
  return message.version ? kFixedSize + sizeof(Version) : kFixedSize;
}

}  // namespace

Result<Authenticate> decode_authenticate(ByteSpan wire) {
  if (const auto checked = check_message(wire, MessageType::authenticate, kFixedSize); !checked) {
    return checked.error();
  }
  ByteReader reader(wire.subspan(12));
  FieldReader fields(wire, kFixedSize);
  Authenticate message;
  message.lm_response = fields.read(reader);
  message.nt_response = fields.read(reader);
  message.domain = fields.read(reader);
  message.user = fields.read(reader);
  message.workstation = fields.read(reader);
  message.encrypted_session_key = fields.read(reader);
  message.flags = reader.u32le();
  if (!fields.ok()) return make_error_code(errc::bad_offset);
  message.has_mic_room = fields.payload_start() >= kMicOffset + kMicSize;
  return message;
}

Bytes encode_authenticate(const Authenticate& message, PayloadOrder order) {
  using Place = FieldWriter::Place;
  FieldWriter fields(size_before_payload(message));
  std::array<Place, 2> responses;
  std::array<Place, 3> names;
  const auto place_responses = [&] {
    responses = {fields.place(message.lm_response), fields.place(message.nt_response)};
  };
  const auto place_names = [&] {
    names = {fields.place(message.domain), fields.place(message.user), fields.place(message.workstation)};
  };
  if (order == PayloadOrder::names_first) {
    place_names();
    place_responses();
  } else {
    place_responses();
    place_names();
  }
  const Place key = fields.place(message.encrypted_session_key);

  Bytes wire;
  append_message_start(wire, MessageType::authenticate);
  for (const Place& response : responses) append_field(wire, response);
  for (const Place& name : names) append_field(wire, name);
  append_field(wire, key);
  append_u32le(wire, message.flags);
  if (message.version || message.has_mic_room) append(wire, message.version.value_or(Version{}));
  if (message.has_mic_room) wire.resize(wire.size() + kMicSize);

  const std::size_t end = key.offset + key.data.size();
  wire.resize(end);
  const auto fill = [&](const Place& place) {
    std::ranges::copy(place.data, wire.begin() + static_cast<std::ptrdiff_t>(place.offset));
  };
  for (const Place& response : responses) fill(response);
  for (const Place& name : names) fill(name);
  fill(key);
  return wire;
}

}  // namespace smtpseal::ntlm
