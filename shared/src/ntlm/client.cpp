#include "smtpseal/ntlm/client.hpp"

#include <algorithm>
#include <array>

#include "flag_rules.hpp"
#include "smtpseal/ntlm/authenticate.hpp"
#include "smtpseal/ntlm/av_pairs.hpp"
#include "smtpseal/ntlm/challenge.hpp"
#include "smtpseal/ntlm/hashes.hpp"
#include "smtpseal/ntlm/keys.hpp"
#include "smtpseal/ntlm/mic.hpp"
#include "smtpseal/ntlm/negotiate.hpp"
#include "smtpseal/ntlm/responses.hpp"
#include "smtpseal/ntlm/text.hpp"

namespace smtpseal::ntlm {

namespace {

enum class Stage { start, negotiated, authenticated, failed };

std::uint32_t flag_if(bool condition, std::uint32_t flag) {
  return condition ? flag : 0;
}

std::uint32_t offer_of(const ClientPolicy& policy) {
  const bool needs_ess = policy.extended_session_security || policy.response >= Response::ntlm2_session;
  return kUnicode | kRequestTarget | kNtlm | kAlwaysSign | flag_if(policy.oem_names_in_negotiate, kOem) |
         flag_if(policy.seal, kSign | kSeal) | flag_if(needs_ess, kExtendedSessionSecurity) |
         flag_if(policy.lm_key, kLmKey) | flag_if(policy.seal && policy.key_exchange, kKeyExch) |
         flag_if(policy.offer_128, k128) | flag_if(policy.offer_56, k56) |
         flag_if(policy.send_version, kVersion);
}

// The names of an identity as they go on the wire.
struct WireNames {
  Bytes domain;
  Bytes user;
  Bytes workstation;
};

Result<WireNames> encode_names(const ClientIdentity& identity, Charset charset) {
  auto domain = encode_text(identity.domain, charset);
  auto user = encode_text(identity.user, charset);
  auto workstation = encode_text(identity.workstation, charset);
  if (!domain || !user || !workstation) return make_error_code(errc::bad_string);
  return WireNames{std::move(*domain), std::move(*user), std::move(*workstation)};
}

// What answers a challenge: the two response fields and the key they lead to.
struct Answer {
  Response kind = Response::ntlmv1;
  Bytes lm;
  Bytes nt;
  crypto::Key16 session_base_key;
  bool has_mic = false;
};

bool is_replaced(AvId id) {
  return id == AvId::flags || id == AvId::target_name || id == AvId::channel_bindings;
}

// The AV pairs of an NTLMv2 response: the server's, then what 3.1.5.1.2 adds to them.
Result<Bytes> response_av_pairs(const AvPairs& server, const ClientPolicy& policy, bool has_mic) {
  const auto target = encode_text(policy.target_name, Charset::unicode);
  if (!target) return target.error();
  Bytes list;
  for (const AvPair& pair : server.pairs()) {
    if (!is_replaced(pair.id)) append_av(list, pair.id, pair.value);
  }
  const bool is_unverified = policy.target_name_is_unverified && !target->empty();
  const std::uint32_t ours = kAvFlagMicPresent | kAvFlagUntrustedSpn;  // not the server's to say
  std::array<std::byte, 4> flags{};
  store_u32le((server.flags() & ~ours) | flag_if(has_mic, kAvFlagMicPresent) |
                  flag_if(is_unverified, kAvFlagUntrustedSpn),
              flags.data());
  if (load_u32le(flags.data()) != 0) append_av(list, AvId::flags, flags);
  append_av(list, AvId::channel_bindings, policy.channel_bindings.value_or(crypto::Digest16{}));
  if (!target->empty()) append_av(list, AvId::target_name, *target);
  append_av(list, AvId::eol, {});
  return list;
}

Bytes to_bytes(const Response24& response) {
  return {response.begin(), response.end()};
}

}  // namespace

struct Client::State {
  State(std::shared_ptr<const crypto::Engine> shared_engine, ClientIdentity own_identity,
        ClientPolicy own_policy, ClientNonces own_nonces)
      : engine(std::move(shared_engine)),
        identity(std::move(own_identity)),
        policy(std::move(own_policy)),
        nonces(std::move(own_nonces)) {}

  std::shared_ptr<const crypto::Engine> engine;
  ClientIdentity identity;
  ClientPolicy policy;
  ClientNonces nonces;

  Stage stage = Stage::start;
  std::uint32_t offered = 0;
  Bytes negotiate;
  Outcome outcome;

  Result<Bytes> make_negotiate();
  Result<Bytes> make_authenticate(ByteSpan challenge, std::uint64_t now);

  // The flags of the AUTHENTICATE message, or why none may be sent.
  [[nodiscard]] Result<std::uint32_t> agree(std::uint32_t challenge_flags) const;
  [[nodiscard]] Result<Answer> answer(const Challenge& challenge, std::uint32_t flags,
                                      std::uint64_t now) const;
  [[nodiscard]] Result<Answer> answer_ntlmv2(const Challenge& challenge, std::uint64_t now) const;
  [[nodiscard]] Answer answer_ntlm2_session(const Challenge& challenge) const;
  [[nodiscard]] Answer answer_ntlmv1(const Challenge& challenge) const;
  void note_outcome(std::uint32_t flags, Response response, crypto::Key16 exported_session_key);
};

Result<Bytes> Client::State::make_negotiate() {
  if (policy.response == Response::lm) return make_error_code(errc::weak_response);
  if (policy.lm_key && (!identity.lm_hash || is_public_lm_hash(*identity.lm_hash))) {
    return make_error_code(errc::lm_hash_unavailable);
  }
  offered = offer_of(policy);
  Bytes domain;
  if (policy.oem_names_in_negotiate) {
    // Only a hint to the server: a domain that OEM text cannot write is left out.
    if (auto name = encode_text(identity.domain, Charset::oem)) domain = std::move(*name);
    offered |= flag_if(!domain.empty(), kOemDomainSupplied);
  }
  negotiate = encode_negotiate({.flags = offered,
                                .domain = domain,
                                .workstation = {},
                                .version = policy.send_version ? std::optional(kOurVersion) : std::nullopt});
  return negotiate;
}

Result<std::uint32_t> Client::State::agree(std::uint32_t challenge_flags) const {
  if (flags_added(challenge_flags, offered) != 0) return make_error_code(errc::flags_changed);
  const std::uint32_t echoed = policy.echo_target_type ? kTargetTypeDomain | kTargetTypeServer : 0;
  std::uint32_t flags = without_idle_flags(challenge_flags & (offered | echoed));
  if ((flags & kUnicode) != 0) {
    flags &= ~std::uint32_t{kOem};
  } else if ((flags & kOem) == 0) {
    return make_error_code(errc::no_common_encoding);
  }
  if (policy.response >= Response::ntlm2_session && (flags & kExtendedSessionSecurity) == 0) {
    return make_error_code(errc::weak_response);
  }
  if (policy.seal) {
    if ((flags & kSeal) == 0) return make_error_code(errc::seal_not_negotiated);
    if (seal_strength(flags) < policy.minimum_strength) return make_error_code(errc::weak_strength);
  }
  return flags;
}

Result<Answer> Client::State::answer(const Challenge& challenge, std::uint32_t flags,
                                     std::uint64_t now) const {
  if (policy.response == Response::ntlmv2) return answer_ntlmv2(challenge, now);
  if ((flags & kExtendedSessionSecurity) != 0) return answer_ntlm2_session(challenge);
  return answer_ntlmv1(challenge);
}

Result<Answer> Client::State::answer_ntlmv2(const Challenge& challenge, std::uint64_t now) const {
  AvPairs server;
  if (!challenge.target_info.empty()) {
    auto decoded = AvPairs::decode(challenge.target_info);
    if (!decoded) return decoded.error();
    server = std::move(*decoded);
  }
  Answer answer;
  answer.kind = Response::ntlmv2;
  answer.has_mic = server.timestamp().has_value();
  const auto pairs = response_av_pairs(server, policy, answer.has_mic);
  // The hash is over Unicode names whatever the character set of the message.
  const auto names = encode_names(identity, Charset::unicode);
  if (!pairs || !names) return make_error_code(errc::bad_string);

  const crypto::Key16 hash = ntlmv2_hash(*engine, identity.nt_hash, names->user, names->domain);
  const Bytes blob = ntlmv2_blob(server.timestamp().value_or(now), nonces.client_challenge, *pairs);
  const crypto::Digest16 proof = ntlmv2_proof(*engine, hash, challenge.server_challenge, blob);
  append(answer.nt, proof);
  append(answer.nt, blob);
  // With a time stamp the MIC takes the place of LMv2 (3.1.5.1.2).
  answer.lm =
      answer.has_mic
          ? Bytes(sizeof(Response24))
          : to_bytes(lmv2_response(*engine, hash, challenge.server_challenge, nonces.client_challenge));
  answer.session_base_key = ntlmv2_session_base_key(*engine, hash, proof);
  return answer;
}

Answer Client::State::answer_ntlm2_session(const Challenge& challenge) const {
  return {.kind = Response::ntlm2_session,
          .lm = to_bytes(ntlm2_session_lm_field(nonces.client_challenge)),
          .nt = to_bytes(ntlm2_session_response(*engine, identity.nt_hash, challenge.server_challenge,
                                                nonces.client_challenge)),
          .session_base_key = session_base_key_v1(*engine, identity.nt_hash)};
}

Answer Client::State::answer_ntlmv1(const Challenge& challenge) const {
  // NoLMResponseNTLMv1 (3.3.1): without an LM hash the NT response stands in both fields.
  const crypto::Key16& lm = identity.lm_hash ? *identity.lm_hash : identity.nt_hash;
  return {.kind = Response::ntlmv1,
          .lm = to_bytes(classic_response(*engine, lm, challenge.server_challenge)),
          .nt = to_bytes(classic_response(*engine, identity.nt_hash, challenge.server_challenge)),
          .session_base_key = session_base_key_v1(*engine, identity.nt_hash)};
}

Result<Bytes> Client::State::make_authenticate(ByteSpan challenge_wire, std::uint64_t now) {
  const auto challenge = decode_challenge(challenge_wire);
  if (!challenge) return challenge.error();
  const auto flags = agree(challenge->flags);
  if (!flags) return flags.error();
  const auto names = encode_names(identity, (*flags & kUnicode) != 0 ? Charset::unicode : Charset::oem);
  if (!names) return names.error();
  const auto answered = answer(*challenge, *flags, now);
  if (!answered) return answered.error();

  const crypto::Key16 exchange_key =
      key_exchange_key(*engine,
                       {.flags = *flags,
                        .response = answered->kind,
                        .server_challenge = challenge->server_challenge,
                        .lm_response = answered->lm,
                        .lm_hash = identity.lm_hash ? &*identity.lm_hash : nullptr},
                       answered->session_base_key);
  const bool exchanges = (*flags & kKeyExch) != 0;
  crypto::Key16 exported = exchanges ? std::move(nonces.random_session_key) : exchange_key.clone();
  Bytes encrypted(exchanges ? exported.octets().size() : 0);
  if (exchanges) engine->rc4(exchange_key.octets(), exported.octets(), encrypted);

  Bytes wire =
      encode_authenticate({.flags = *flags,
                           .lm_response = answered->lm,
                           .nt_response = answered->nt,
                           .domain = names->domain,
                           .user = names->user,
                           .workstation = names->workstation,
                           .encrypted_session_key = encrypted,
                           .version = policy.send_version ? std::optional(kOurVersion) : std::nullopt,
                           .has_mic_room = answered->has_mic});
  if (wire.size() > kMaxMessage) return make_error_code(errc::too_long);
  if (answered->has_mic) {
    const auto mic = compute_mic(*engine, exported, {negotiate, challenge_wire, wire});
    std::ranges::copy(mic, wire.begin() + kMicOffset);
  }
  note_outcome(*flags, answered->kind, std::move(exported));
  return wire;
}

void Client::State::note_outcome(std::uint32_t flags, Response response, crypto::Key16 exported_session_key) {
  outcome.flags = flags;
  outcome.response = response;
  outcome.sealed = (flags & kSeal) != 0;
  outcome.strength = outcome.sealed ? seal_strength(flags) : 0;
  outcome.user = identity.user;
  outcome.domain = identity.domain;
  outcome.workstation = identity.workstation;
  outcome.exported_session_key = std::move(exported_session_key);
}

Client::Client(std::shared_ptr<const crypto::Engine> engine, ClientIdentity identity, ClientPolicy policy,
               ClientNonces nonces)
    : state_(std::make_unique<State>(std::move(engine), std::move(identity), std::move(policy),
                                     std::move(nonces))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Bytes> Client::negotiate() {
  if (state_->stage != Stage::start) {
    state_->stage = Stage::failed;
    return make_error_code(errc::out_of_order);
  }
  Result<Bytes> message = state_->make_negotiate();
  state_->stage = message ? Stage::negotiated : Stage::failed;
  return message;
}

Result<Bytes> Client::authenticate(ByteSpan challenge, std::uint64_t now) {
  if (state_->stage != Stage::negotiated) {
    state_->stage = Stage::failed;
    return make_error_code(errc::out_of_order);
  }
  Result<Bytes> message = state_->make_authenticate(challenge, now);
  state_->stage = message ? Stage::authenticated : Stage::failed;
  return message;
}

Outcome Client::take_outcome() {
  return std::move(state_->outcome);
}

}  // namespace smtpseal::ntlm
