#include "smtpseal/ntlm/server.hpp"

#include <array>

#include "answer.hpp"
#include "flag_rules.hpp"
#include "smtpseal/ntlm/av_pairs.hpp"
#include "smtpseal/ntlm/challenge.hpp"
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
  const std::uint32_t admitted = admitted_flags(message, granted);
  if ((message.flags & kAnonymous) != 0) return make_error_code(errc::anonymous);
  if (flags_added(message.flags, admitted) != 0) return make_error_code(errc::flags_changed);
  return without_idle_flags(message.flags & admitted);
}

bool is_known(const std::optional<AccountSecret>& secret) {
  return secret && secret->nt_hash != nullptr;
}

// Stand-ins of an account that does not exist: the work is the same, the result is not looked at.
Hashes hashes_of(const std::optional<AccountSecret>& secret) {
  static const crypto::Key16 nobody;
  return {.nt = is_known(secret) ? secret->nt_hash : &nobody,
          .lm = is_known(secret) && secret->lm_hash != nullptr ? secret->lm_hash : &nobody};
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
  std::uint32_t granted = 0;
  std::uint64_t time_of_challenge = 0;
  Answer answer;

  Result<Bytes> make_challenge(ByteSpan wire, std::uint64_t now);
  Result<Claim> read_claim(ByteSpan wire);
  [[nodiscard]] Result<Outcome> judge(const std::optional<AccountSecret>& secret,
                                      const AccountRequirements& required, std::uint64_t now) const;
  [[nodiscard]] bool answers_our_challenge() const;
  [[nodiscard]] bool bindings_are_right() const;
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
  if (const auto decoded = answer.decode(wire); !decoded) return decoded.error();
  const auto flags = settle(answer.message(), granted);
  if (!flags) return flags.error();
  if (const auto read = answer.interpret(*flags); !read) return read.error();
  return answer.claim();
}

// An NTLMv2 response repeats the AV pairs of the CHALLENGE that the client saw, under its proof. A client
// that saw our time stamp sends a MIC over all three messages (3.1.5.1.2); one that did not leaves the flags
// of its answer to whoever sits in between, and the seal with them.
bool Server::State::answers_our_challenge() const {
  if (answer.kind() != Response::ntlmv2 || !policy->send_target_info) return true;
  return (granted & kTargetInfo) != 0 && answer.av_pairs() &&
         answer.av_pairs()->timestamp() == time_of_challenge;
}

bool Server::State::bindings_are_right() const {
  const auto sent = answer.bindings();
  if (!sent) return !policy->require_channel_bindings;
  if (!policy->channel_bindings) return !policy->require_channel_bindings && !policy->refuse_foreign_bindings;
  return equal_in_constant_time(*sent, *policy->channel_bindings);
}

Result<Outcome> Server::State::judge(const std::optional<AccountSecret>& secret,
                                     const AccountRequirements& required, std::uint64_t now) const {
  const Hashes hashes = hashes_of(secret);
  const ResponseCheck check = answer.check(*engine, nonce.server_challenge, hashes);
  crypto::Key16 exported =
      answer.exported_key(*engine, nonce.server_challenge, hashes, check.session_base_key);
  const bool mic_matches =
      answer.announces_mic() && answer.mic_is_right(*engine, exported, negotiate, challenge);
  if (!is_known(secret) || !check.is_right) return make_error_code(errc::wrong_credentials);
  if (answer.announces_mic() && !mic_matches) return make_error_code(errc::mic_mismatch);
  if (!answers_our_challenge()) return make_error_code(errc::challenge_changed);
  if (!bindings_are_right()) return make_error_code(errc::bindings_mismatch);
  if (answer.kind() == Response::ntlmv2 && !is_near(answer.response_time(), now))
    return make_error_code(errc::stale_timestamp);
  if (answer.kind() < required.minimum_response) return make_error_code(errc::weak_response);
  const bool sealed = (answer.flags() & kSeal) != 0;
  const unsigned strength = sealed ? answer.strength(hashes) : 0;
  if (sealed && strength < required.minimum_strength) return make_error_code(errc::weak_strength);

  Outcome outcome;
  outcome.flags = answer.flags();
  outcome.response = answer.kind();
  outcome.sealed = sealed;
  outcome.strength = strength;
  outcome.mic_verified = mic_matches;
  outcome.user = answer.claim().user;
  outcome.domain = answer.claim().domain;
  outcome.workstation = answer.claim().workstation;
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
  return state_->judge(secret, required, now);
}

}  // namespace smtpseal::ntlm
