// The sealed stream. The first octet chooses the session, the second what happens: the rest goes to the layer
// as it is, or is sealed by a peer and altered on its way. With ESS the plaintext is never anything but a
// beginning of what the peer sealed. Without ESS the checksum is a CRC under RC4, which altered octets can be
// made to satisfy; so there only the size is looked at.
#include <algorithm>
#include <array>

#include "fuzz.hpp"
#include "smtpseal/ntlm/wire.hpp"
#include "smtpseal/session/security_layer.hpp"

using namespace smtpseal;
using fuzz::require;
using session::Framing;
using session::SecurityLayer;

namespace {

constexpr std::array kFlags{ntlm::kSeal | ntlm::kExtendedSessionSecurity | ntlm::k128 | ntlm::kKeyExch,
                            ntlm::kSeal | ntlm::kExtendedSessionSecurity | ntlm::k128,
                            ntlm::kSeal | ntlm::k128, ntlm::kSeal | ntlm::kLmKey};

const std::shared_ptr<const crypto::Engine>& engine() {
  static const auto instance = crypto::Engine::create().value();
  return instance;
}

ntlm::Outcome outcome(std::uint32_t flags) {
  ntlm::Outcome outcome;
  outcome.flags = flags;
  outcome.sealed = true;
  return outcome;
}

Framing framing(unsigned choice) {
  return {(choice & 1) == 0 ? session::LengthOrder::big_endian : session::LengthOrder::little_endian,
          (choice & 2) == 0 ? session::SignaturePlace::leading : session::SignaturePlace::trailing};
}

// `alterations`: pairs of a place and what is added to the octet there.
void alter(Bytes& wire, std::string_view alterations) {
  for (; alterations.size() >= 2 && !wire.empty(); alterations.remove_prefix(2)) {
    auto& octet = wire[static_cast<unsigned char>(alterations[0]) % wire.size()];
    octet ^= static_cast<std::byte>(alterations[1]);
  }
}

std::string unwrap(SecurityLayer& layer, ByteSpan wire, std::size_t piece) {
  std::string plain;
  while (!wire.empty()) {
    const ByteSpan now = wire.first(std::min(piece, wire.size()));
    if (!layer.unwrap(now, plain)) {
      require(!layer.has_partial_record());
      require(!layer.unwrap(now, plain));
      break;
    }
    wire = wire.subspan(now.size());
  }
  require(layer.octets_unsealed() == plain.size());
  return plain;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const ntlm::Outcome agreed = outcome(kFlags[data[0] % kFlags.size()]);
  const Framing variant = framing(data[0] >> 2U);
  const std::size_t piece = std::size_t{1} + data[1] / 2;
  const std::string_view rest = fuzz::text(data + 2, size - 2);
  SecurityLayer server(engine(), ntlm::Role::server, agreed,
                       (data[0] & 0x10) == 0 ? std::nullopt : std::optional(variant),
                       {.max_record = 4096 + 16});

  if ((data[1] & 1) == 0) {
    unwrap(server, as_bytes(rest), piece);
    return 0;
  }
  SecurityLayer client(engine(), ntlm::Role::client, agreed, variant,
                       {.send_data = std::size_t{1} + data[0] / 4});
  const std::string_view sealed = rest.substr(0, rest.size() / 2);
  Bytes wire;
  client.wrap(as_bytes(sealed), wire);
  alter(wire, rest.substr(sealed.size()));
  const std::string received = unwrap(server, wire, piece);
  require(received.size() <= sealed.size());
  if ((agreed.flags & ntlm::kExtendedSessionSecurity) != 0) require(sealed.starts_with(received));
  return 0;
}
