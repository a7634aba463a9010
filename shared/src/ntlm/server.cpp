#include "smtpseal/ntlm/server.hpp"

#include <algorithm>
#include <array>

#include "flag_rules.hpp"
#include "response_check.hpp"
#include "smtpseal/ntlm/authenticate.hpp"
#include "smtpseal/ntlm/av_pairs.hpp"
#include "smtpseal/ntlm/challenge.hpp"
#include "smtpseal/ntlm/keys.hpp"
#include "smtpseal/ntlm/mic.hpp"
#include "smtpseal/ntlm/negotiate.hpp"
#include "smtpseal/ntlm/text.hpp"

namespace smtpseal::ntlm {

namespace {

enum class Stage { start, challenged, claimed, finished };

constexpr std::uint64_t kClockTolerance = std::uint64_t{30} * 60 * 10'000'000;  // 30 minutes as a FILETIME

// What is granted to a client that offers `offered` (3.2.5.1.1). Errors: no_common_encoding.
Result<std::uint32_t> grant(std::uint32_t offered, const ServerPolicy& policy) {
  std::uint32_t grantable =
      kRequestTarget | kNtlm | kAlwaysSign | kSign | kExtendedSessionSecurity | kVersion;
  if (policy.allow_lm_key) grantable |= kLmKey;
  if (policy.allow_56) grantable |= k56;
  if (policy.allow_128) grantable |= k128;
  if (policy.allow_seal) grantable |= kSeal;
  if (!policy.allow_sign_alone && (offered & grantable & kSeal) == 0) grantable &= ~kSign;
  std::uint32_t flags = without_idle_flags(offered & grantable);
  // Without SIGN or SEAL no key is exchanged (3.1.5.1.2).
  if ((flags & (kSign | kSeal)) != 0) flags |= offered & kKeyExch;
  if ((offered & (kUnicode | kOem)) == 0) return make_error_code(errc::no_common_encoding);
  flags |= (offered & kUnicode) != 0 ? kUnicode : kOem;
  if ((offered & kRequestTarget) != 0)
    flags |= policy.netbios_domain.empty() ? kTargetTypeServer : kTargetTypeDomain;
  // A client of the days before NTLMv2, such as Exchange 5.5, gets a CHALLENGE of its days.
  const bool knows_info = (offered & (kExtendedSessionSecurity | kTargetInfo)) != 0;
  if (policy.send_target_info && knows_info) flags |= kTargetInfo;
  return flags;
}

Result<> append_name(Bytes& list, AvId id, const std::string& name) {
  if (name.empty()) return {};
  const auto wire = encode_text(name, Charset::unicode);
  if (!wire) return wire.error();
  append_av(list, id, *wire);
  return {};
}

Result<Bytes> target_info(const ServerPolicy& policy, std::uint64_t now) {
  Bytes list;
  for (const auto& [id, name] : {std::pair{AvId::nb_domain_name, &policy.netbios_domain},
                                 std::pair{AvId::nb_computer_name, &policy.netbios_computer},
                                 std::pair{AvId::dns_domain_name, &policy.dns_domain},
                                 std::pair{AvId::dns_computer_name, &policy.dns_computer}}) {
    if (const auto appended = append_name(list, id, *name); !appended) return appended.error();
  }
  Bytes time;
  append_u64le(time, now);
  append_av(list, AvId::timestamp, time);
  append_av(list, AvId::eol, {});
  return list;
}

// The flags of a session after AUTHENTICATE, or why it may not go on.
Result<std::uint32_t> settle(const Authenticate& message, std::uint32_t granted) {
  // Samba uses ESS with NTLMv2 even where CHALLENGE did not grant it (observed). It adds protection; the
  // strength that comes out of it is judged like any other.
  const bool is_long = message.nt_response.size() > sizeof(Response24);
  const std::uint32_t admitted = is_long ? granted | kExtendedSessionSecurity : granted;
  if ((message.flags & kAnonymous) != 0) return make_error_code(errc::anonymous);
  if (flags_added(message.flags, admitted) != 0) return make_error_code(errc::flags_changed);
  const std::uint32_t flags = without_idle_flags(message.flags & admitted);
  if ((flags & (kUnicode | kOem)) == 0) return make_error_code(errc::no_common_encoding);
  return flags;
}

// Stand-ins of an account that does not exist: the work is the same, the result is not looked at.
struct Hashes {
  const crypto::Key16* nt;
  const crypto::Key16* lm;
  bool is_known;
};

Hashes hashes_of(const std::optional<AccountSecret>& secret) {
  static const crypto::Key16 nobody;
  const bool is_known = secret && secret->nt_hash != nullptr;
  return {.nt = is_known ? secret->nt_hash : &nobody,
          .lm = is_known && secret->lm_hash != nullptr ? secret->lm_hash : &nobody,
          .is_known = is_known};
}

bool is_near(std::uint64_t a, std::uint64_t b) {
  return (a > b ? a - b : b - a) <= kClockTolerance;
}

}  // namespace

struct Server::State {
  State(std::shared_ptr<const crypto::Engine> shared_engine,
        std::shared_ptr<const ServerPolicy> shared_policy, ServerNonce own_nonce)
      : engine(std::move(shared_engine)), policy(std::move(shared_policy)), nonce(own_nonce) {}

  std::shared_ptr<const crypto::Engine> engine;
  std::shared_ptr<const ServerPolicy> policy;
  ServerNonce nonce;

  Stage stage = Stage::start;
  Bytes negotiate;
  Bytes challenge;
  Bytes authenticate;
  std::uint32_t granted = 0;

  // What claim() found in `authenticate`.
  Authenticate message;  // borrows from it
  std::uint32_t flags = 0;
  Response kind = Response::lm;
  Claim claimed;
  Bytes user;  // the same in UTF-16LE, which NTOWFv2 is over whatever the character set of the message
  Bytes domain;
  std::optional<AvPairs> av_pairs;  // of an NTLMv2 response
  std::uint64_t response_time = 0;
  std::uint64_t time_of_challenge = 0;

  Result<Bytes> make_challenge(ByteSpan wire, std::uint64_t now);
  Result<Claim> read_claim(ByteSpan wire);
  Result<> read_names();
  Result<> read_ntlmv2_blob();
  [[nodiscard]] Result<Outcome> judge(const Hashes& hashes, const AccountRequirements& required,
                                      std::uint64_t now) const;
  [[nodiscard]] ResponseCheck check_secret(const Hashes& hashes) const;
  [[nodiscard]] crypto::Key16 exported_key(const ResponseCheck& check, const Hashes& hashes) const;
  [[nodiscard]] bool announces_mic() const {
    return av_pairs && (av_pairs->flags() & kAvFlagMicPresent) != 0;
  }
  [[nodiscard]] bool mic_is_right(const crypto::Key16& exported) const;
  [[nodiscard]] bool answers_our_challenge() const;
  [[nodiscard]] bool bindings_are_right() const;
  [[nodiscard]] unsigned strength(const Hashes& hashes) const;
};

Result<Bytes> Server::State::make_challenge(ByteSpan wire, std::uint64_t now) {
  const auto offer = decode_negotiate(wire);
  if (!offer) return offer.error();
  const auto grantable = grant(offer->flags, *policy);
  if (!grantable) return grantable.error();
  granted = *grantable;
  const std::string& target =
      policy->netbios_domain.empty() ? policy->netbios_computer : policy->netbios_domain;
  const auto name = encode_text(target, (granted & kUnicode) != 0 ? Charset::unicode : Charset::oem);
  if (!name) return name.error();
  time_of_challenge = now;
  const auto info = (granted & kTargetInfo) != 0 ? target_info(*policy, now) : Result<Bytes>(Bytes());
  if (!info) return info.error();

  negotiate.assign(wire.begin(), wire.end());
  challenge =
      encode_challenge({.flags = granted,
                        .server_challenge = nonce.server_challenge,
                        .target_name = (granted & kRequestTarget) != 0 ? ByteSpan(*name) : ByteSpan(),
                        .target_info = *info,
                        .version = (granted & kVersion) != 0 ? std::optional(kOurVersion) : std::nullopt});
  return challenge;
}

Result<Claim> Server::State::read_claim(ByteSpan wire) {
  authenticate.assign(wire.begin(),
                      wire.begin() + static_cast<std::ptrdiff_t>(std::min(wire.size(), kMaxMessage + 1)));
  const auto decoded = decode_authenticate(authenticate);
  if (!decoded) return decoded.error();
  message = *decoded;
  const auto settled = settle(message, granted);
  if (!settled) return settled.error();
  flags = *settled;
  const auto classified = classify_response(message, flags);
  if (!classified) return classified.error();
  kind = *classified;
  if ((flags & kKeyExch) != 0 && message.encrypted_session_key.size() != 16)
    return make_error_code(errc::truncated);
  if (const auto names = read_names(); !names) return names.error();
  if (kind == Response::ntlmv2) {
    if (const auto blob = read_ntlmv2_blob(); !blob) return blob.error();
  }
  return claimed;
}

Result<> Server::State::read_names() {
  const Charset charset = (flags & kUnicode) != 0 ? Charset::unicode : Charset::oem;
  auto user_name = decode_text(message.user, charset);
  auto domain_name = decode_text(message.domain, charset);
  auto workstation = decode_text(message.workstation, charset);
  if (!user_name || !domain_name || !workstation) return make_error_code(errc::bad_string);
  if (user_name->empty()) return make_error_code(errc::anonymous);
  user = encode_text(*user_name, Charset::unicode).value();
  domain = encode_text(*domain_name, Charset::unicode).value();
  claimed = {.user = std::move(*user_name),
             .domain = std::move(*domain_name),
             .workstation = std::move(*workstation)};
  return {};
}

Result<> Server::State::read_ntlmv2_blob() {
  ByteReader reader(message.nt_response.subspan(kProofSize));
  reader.take(8);  // version and reserved octets
  response_time = reader.u64le();
  reader.take(12);  // client challenge and reserved octets
  auto pairs = AvPairs::decode(reader.take(reader.remaining()));
  if (!pairs) return pairs.error();
  av_pairs = std::move(*pairs);
  if (announces_mic() && !message.has_mic_room) return make_error_code(errc::mic_missing);
  return {};
}

ResponseCheck Server::State::check_secret(const Hashes& hashes) const {
  return check_response(*engine,
                        {.kind = kind,
                         .server_challenge = nonce.server_challenge,
                         .lm_response = message.lm_response,
                         .nt_response = message.nt_response,
                         .user = user,
                         .domain = domain},
                        *hashes.nt, *hashes.lm);
}

crypto::Key16 Server::State::exported_key(const ResponseCheck& check, const Hashes& hashes) const {
  crypto::Key16 key = key_exchange_key(*engine,
                                       {.flags = flags,
                                        .response = kind,
                                        .server_challenge = nonce.server_challenge,
                                        .lm_response = message.lm_response,
                                        .lm_hash = hashes.lm},
                                       check.session_base_key);
  if ((flags & kKeyExch) == 0) return key;
  crypto::Key16 exported;
  engine->rc4(key.octets(), message.encrypted_session_key, exported.writable());
  return exported;
}

bool Server::State::mic_is_right(const crypto::Key16& exported) const {
  const auto want = compute_mic(*engine, exported, {negotiate, challenge, authenticate});
  return equal_in_constant_time(want, ByteSpan(authenticate).subspan(kMicOffset, kMicSize));
}

// An NTLMv2 response repeats the AV pairs of the CHALLENGE that the client saw, under its proof. A client
// that saw our time stamp sends a MIC over all three messages (3.1.5.1.2); one that did not leaves the flags
// of its answer to whoever sits in between, and the seal with them.
bool Server::State::answers_our_challenge() const {
  if (kind != Response::ntlmv2 || !policy->send_target_info) return true;
  return (granted & kTargetInfo) != 0 && av_pairs && av_pairs->timestamp() == time_of_challenge;
}

// Zeros mean that the client has no channel to bind to (2.2.2.1).
bool Server::State::bindings_are_right() const {
  const std::optional<ByteSpan> sent = av_pairs ? av_pairs->find(AvId::channel_bindings) : std::nullopt;
  const bool has_sent =
      sent && std::ranges::any_of(*sent, [](std::byte octet) { return octet != std::byte{0}; });
  if (!has_sent) return !policy->require_channel_bindings;
  if (!policy->channel_bindings) return !policy->require_channel_bindings && !policy->refuse_foreign_bindings;
  return equal_in_constant_time(*sent, *policy->channel_bindings);
}

// LM_KEY under an LM hash that anybody knows gives a key that any listener can compute, so it counts as no
// strength at all.
unsigned Server::State::strength(const Hashes& hashes) const {
  return (flags & kLmKey) != 0 && is_public_lm_hash(*hashes.lm) ? 0 : seal_strength(flags);
}

Result<Outcome> Server::State::judge(const Hashes& hashes, const AccountRequirements& required,
                                     std::uint64_t now) const {
  const ResponseCheck check = check_secret(hashes);
  crypto::Key16 exported = exported_key(check, hashes);
  const bool mic_matches = announces_mic() && mic_is_right(exported);
  if (!hashes.is_known || !check.is_right) return make_error_code(errc::wrong_credentials);
  if (announces_mic() && !mic_matches) return make_error_code(errc::mic_mismatch);
  if (!answers_our_challenge()) return make_error_code(errc::challenge_changed);
  if (!bindings_are_right()) return make_error_code(errc::bindings_mismatch);
  if (kind == Response::ntlmv2 && !is_near(response_time, now)) return make_error_code(errc::stale_timestamp);
  if (kind < required.minimum_response) return make_error_code(errc::weak_response);
  const bool sealed = (flags & kSeal) != 0;
  if (sealed && strength(hashes) < required.minimum_strength) return make_error_code(errc::weak_strength);

  Outcome outcome;
  outcome.flags = flags;
  outcome.response = kind;
  outcome.sealed = sealed;
  outcome.strength = sealed ? strength(hashes) : 0;
  outcome.mic_verified = mic_matches;
  outcome.user = claimed.user;
  outcome.domain = claimed.domain;
  outcome.workstation = claimed.workstation;
  outcome.exported_session_key = std::move(exported);
  return outcome;
}

ServerNonce draw_server_nonce(const crypto::Engine& engine) {
  ServerNonce nonce;
  engine.random(nonce.server_challenge);
  return nonce;
}

Server::Server(std::shared_ptr<const crypto::Engine> engine, std::shared_ptr<const ServerPolicy> policy,
               ServerNonce nonce)
    : state_(std::make_unique<State>(std::move(engine), std::move(policy), nonce)) {}
Server::~Server() = default;
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;

Result<Bytes> Server::challenge(ByteSpan negotiate, std::uint64_t now) {
  const Stage stage = std::exchange(state_->stage, Stage::finished);
  if (stage != Stage::start) return make_error_code(errc::out_of_order);
  Result<Bytes> message = state_->make_challenge(negotiate, now);
  if (message) state_->stage = Stage::challenged;
  return message;
}

Result<Claim> Server::claim(ByteSpan authenticate) {
  const Stage stage = std::exchange(state_->stage, Stage::finished);
  if (stage != Stage::challenged) return make_error_code(errc::out_of_order);
  Result<Claim> claimed = state_->read_claim(authenticate);
  if (claimed) state_->stage = Stage::claimed;
  return claimed;
}

Result<Outcome> Server::verify(const std::optional<AccountSecret>& secret,
                               const AccountRequirements& required, std::uint64_t now) {
  const Stage stage = std::exchange(state_->stage, Stage::finished);
  if (stage != Stage::claimed) return make_error_code(errc::out_of_order);
  return state_->judge(hashes_of(secret), required, now);
}

}  // namespace smtpseal::ntlm
