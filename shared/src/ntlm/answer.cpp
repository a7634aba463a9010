#include "answer.hpp"

#include <algorithm>

#include "smtpseal/ntlm/keys.hpp"
#include "smtpseal/ntlm/mic.hpp"
#include "smtpseal/ntlm/text.hpp"

namespace smtpseal::ntlm {

std::uint32_t admitted_flags(const Authenticate& message, std::uint32_t granted) {
  const bool is_long = message.nt_response.size() > sizeof(Response24);
  return is_long ? granted | kExtendedSessionSecurity : granted;
}

Result<> Answer::decode(ByteSpan wire) {
  const auto kept = wire.first(std::min(wire.size(), kMaxMessage + 1));
  wire_.assign(kept.begin(), kept.end());
  const auto decoded = decode_authenticate(wire_);
  if (!decoded) return decoded.error();
  message_ = *decoded;
  return {};
}

Result<> Answer::interpret(std::uint32_t flags) {
  flags_ = flags;
  if ((flags & (kUnicode | kOem)) == 0) return make_error_code(errc::no_common_encoding);
  const auto classified = classify_response(message_, flags);
  if (!classified) return classified.error();
  kind_ = *classified;
  if ((flags & kKeyExch) != 0 && message_.encrypted_session_key.size() != 16)
    return make_error_code(errc::truncated);
  if (const auto names = read_names(); !names) return names.error();
  if (kind_ != Response::ntlmv2) return {};
  return read_ntlmv2_blob();
}

Result<> Answer::read_names() {
  const Charset charset = (flags_ & kUnicode) != 0 ? Charset::unicode : Charset::oem;
  auto user_name = decode_text(message_.user, charset);
  auto domain_name = decode_text(message_.domain, charset);
  auto workstation = decode_text(message_.workstation, charset);
  if (!user_name || !domain_name || !workstation) return make_error_code(errc::bad_string);
  if (user_name->empty()) return make_error_code(errc::anonymous);
  user_ = encode_text(*user_name, Charset::unicode).value();
  domain_ = encode_text(*domain_name, Charset::unicode).value();
  claim_ = {.user = std::move(*user_name),
            .domain = std::move(*domain_name),
            .workstation = std::move(*workstation)};
  return {};
}

Result<> Answer::read_ntlmv2_blob() {
  ByteReader reader(message_.nt_response.subspan(kProofSize));
  reader.take(8);  // version and reserved octets
  response_time_ = reader.u64le();
  reader.take(12);  // client challenge and reserved octets
  auto pairs = AvPairs::decode(reader.take(reader.remaining()));
  if (!pairs) return pairs.error();
  av_pairs_ = std::move(*pairs);
  if (announces_mic() && !message_.has_mic_room) return make_error_code(errc::mic_missing);
  return {};
}

std::optional<ByteSpan> Answer::bindings() const {
  const auto sent = av_pairs_ ? av_pairs_->find(AvId::channel_bindings) : std::nullopt;
  const bool is_set =
      sent && std::ranges::any_of(*sent, [](std::byte octet) { return octet != std::byte{0}; });
  return is_set ? sent : std::nullopt;
}

ResponseCheck Answer::check(const crypto::Engine& engine, const Challenge8& server_challenge,
                            const Hashes& hashes) const {
  return check_response(engine,
                        {.kind = kind_,
                         .server_challenge = server_challenge,
                         .lm_response = message_.lm_response,
                         .nt_response = message_.nt_response,
                         .user = user_,
                         .domain = domain_},
                        *hashes.nt, *hashes.lm);
}

crypto::Key16 Answer::exported_key(const crypto::Engine& engine, const Challenge8& server_challenge,
                                   const Hashes& hashes, const crypto::Key16& session_base_key) const {
  crypto::Key16 key = key_exchange_key(engine,
                                       {.flags = flags_,
                                        .response = kind_,
                                        .server_challenge = server_challenge,
                                        .lm_response = message_.lm_response,
                                        .lm_hash = hashes.lm},
                                       session_base_key);
  if ((flags_ & kKeyExch) == 0) return key;
  crypto::Key16 exported;
  engine.rc4(key.octets(), message_.encrypted_session_key, exported.writable());
  return exported;
}

bool Answer::mic_is_right(const crypto::Engine& engine, const crypto::Key16& exported, ByteSpan negotiate,
                          ByteSpan challenge) const {
  const auto want = compute_mic(engine, exported, {negotiate, challenge, wire_});
  return equal_in_constant_time(want, ByteSpan(wire_).subspan(kMicOffset, kMicSize));
}

unsigned Answer::strength(const Hashes& hashes) const {
  return (flags_ & kLmKey) != 0 && is_public_lm_hash(*hashes.lm) ? 0 : seal_strength(flags_);
}

}  // namespace smtpseal::ntlm
