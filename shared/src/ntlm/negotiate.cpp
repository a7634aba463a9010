#include "smtpseal/ntlm/negotiate.hpp"

#include "fields.hpp"
#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::ntlm {

namespace {

constexpr std::size_t kFixedSize = 32;

}  // namespace

Result<Negotiate> decode_negotiate(ByteSpan wire) {
  if (const auto checked = check_message(wire, MessageType::negotiate, kFixedSize); !checked)
    return checked.error();
  ByteReader reader(wire.subspan(12));
  FieldReader fields(wire, kFixedSize);
  Negotiate message;
  message.flags = reader.u32le();
  // Without its flag a field must be ignored; peers leave anything there.
  ByteReader domain(reader.take(kFieldSize));
  ByteReader workstation(reader.take(kFieldSize));
  if ((message.flags & kOemDomainSupplied) != 0) message.domain = fields.read(domain);
  if ((message.flags & kOemWorkstationSupplied) != 0) message.workstation = fields.read(workstation);
  if (!fields.ok()) return make_error_code(errc::bad_offset);
  return message;
}

Bytes encode_negotiate(const Negotiate& message) {
  FieldWriter fields(kFixedSize + (message.version ? sizeof(Version) : 0));
  Bytes wire;
  append_message_start(wire, MessageType::negotiate);
  append_u32le(wire, message.flags);
  append_field(wire, fields.place(message.domain));
  append_field(wire, fields.place(message.workstation));
  if (message.version) append(wire, *message.version);
  append(wire, message.domain);
  append(wire, message.workstation);
  return wire;
}

}  // namespace smtpseal::ntlm
