#include "smtpseal/ntlm/seal_context.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <optional>

#include "smtpseal/crypto/hmac_md5.hpp"
#include "smtpseal/crypto/rc4.hpp"
#include "smtpseal/ntlm/keys.hpp"
#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::ntlm {

namespace {

constexpr std::uint32_t kSignatureVersion = 1;

using Tail = std::array<std::byte, 12>;

// The records of one direction, or of both where a session without ESS shares its state.
struct Stream {
  Stream(const crypto::Engine& engine, std::uint32_t flags, ByteSpan session_key, Role sender)
      : rc4(engine, seal_key(engine, flags, session_key, sender).span()) {
    if ((flags & kExtendedSessionSecurity) != 0) {
      mac.emplace(engine, sign_key(engine, session_key, sender).octets());
    }
  }

  crypto::Rc4 rc4;
  std::optional<crypto::HmacMd5> mac;  // with extended session security only
  std::uint32_t sequence = 0;
};

Tail mac_tail(Stream& stream, ByteSpan plain) {
  Tail tail{};
  store_u32le(stream.sequence, tail.data() + 8);
  const crypto::Digest16 code = stream.mac->compute({std::span(tail).last<4>(), plain});
  std::memcpy(tail.data(), code.data(), 8);
  return tail;
}

Tail crc_tail(const Stream& stream, ByteSpan plain) {
  Tail tail{};
  store_u32le(crypto::crc32(0, plain), tail.data() + 4);
  store_u32le(stream.sequence, tail.data() + 8);
  return tail;
}

}  // namespace

struct SealContext::State {
  State(const crypto::Engine& engine, Role role, std::uint32_t flags, ByteSpan session_key,
        HalfDuplexState half_duplex)
      : has_mac((flags & kExtendedSessionSecurity) != 0),
        encrypts_mac((flags & kKeyExch) != 0),
        outgoing(engine, flags, session_key, role) {
    if (has_mac || half_duplex == HalfDuplexState::separate) {
      own_incoming.emplace(engine, flags, session_key, role == Role::client ? Role::server : Role::client);
    }
    shares_stream = !has_mac && half_duplex == HalfDuplexState::shared;
  }

  Stream& incoming() { return own_incoming ? *own_incoming : outgoing; }

  // NTLMSSP_MESSAGE_SIGNATURE for Extended Session Security (2.2.2.9.2). Call it after the data went through
  // RC4.
  void finish_mac_tail(Stream& stream, Tail& tail) const {
    if (encrypts_mac) stream.rc4.apply(std::span(tail).first<8>());
    ++stream.sequence;
  }

  // NTLMSSP_MESSAGE_SIGNATURE (2.2.2.9.1): RandomPad, CRC and sequence number follow the data through RC4.
  // Peers differ in the RandomPad they send, and some insist on zero.
  static void finish_crc_tail(Stream& stream, Tail& tail) {
    stream.rc4.apply(tail);
    std::fill_n(tail.begin(), 4, std::byte{0});
    ++stream.sequence;
  }

  bool has_mac;
  bool encrypts_mac;
  bool shares_stream = false;
  bool dead = false;
  Stream outgoing;
  std::optional<Stream> own_incoming;
};

SealContext::SealContext(const crypto::Engine& engine, Role role, std::uint32_t flags,
                         ByteSpan exported_session_key, HalfDuplexState state)
    : state_(std::make_unique<State>(engine, role, flags, exported_session_key, state)) {}
SealContext::~SealContext() = default;
SealContext::SealContext(SealContext&&) noexcept = default;
SealContext& SealContext::operator=(SealContext&&) noexcept = default;

bool SealContext::is_half_duplex() const {
  return state_->shares_stream;
}

void SealContext::seal(std::span<std::byte> data, std::span<std::byte, kSignatureSize> signature) {
  seal(data, data, signature);
}

void SealContext::seal(ByteSpan plain, std::span<std::byte> sealed,
                       std::span<std::byte, kSignatureSize> signature) {
  assert(plain.size() == sealed.size());
  State& state = *state_;
  if (state.dead) {
    std::ranges::fill(sealed, std::byte{0});
    std::ranges::fill(signature, std::byte{0});
    return;
  }
  Stream& stream = state.outgoing;
  Tail tail = state.has_mac ? mac_tail(stream, plain) : crc_tail(stream, plain);
  stream.rc4.apply(plain, sealed);
  if (state.has_mac) {
    state.finish_mac_tail(stream, tail);
  } else {
    State::finish_crc_tail(stream, tail);
  }
  store_u32le(kSignatureVersion, signature.data());
  std::ranges::copy(tail, signature.begin() + 4);
}

Result<> SealContext::unseal(std::span<std::byte> data,
                             std::span<const std::byte, kSignatureSize> signature) {
  State& state = *state_;
  if (state.dead) return make_error_code(errc::record_mismatch);
  Stream& stream = state.incoming();
  stream.rc4.apply(data);

  Tail want = state.has_mac ? mac_tail(stream, data) : crc_tail(stream, data);
  ByteSpan got = signature.subspan<4>();
  ByteSpan compared = want;
  if (state.has_mac) {
    state.finish_mac_tail(stream, want);
  } else {
    State::finish_crc_tail(stream, want);
    compared = compared.subspan(4);
    got = got.subspan(4);
  }
  if (load_u32le(signature.data()) != kSignatureVersion || !equal_in_constant_time(compared, got)) {
    state.dead = true;
    return make_error_code(errc::record_mismatch);
  }
  return {};
}

}  // namespace smtpseal::ntlm
