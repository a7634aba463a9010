#include "smtpseal/ntlm/recover.hpp"

#include <algorithm>

#include "answer.hpp"
#include "flag_rules.hpp"
#include "smtpseal/ntlm/challenge.hpp"
#include "smtpseal/ntlm/text.hpp"

namespace smtpseal::ntlm {

namespace {

struct Recording {
  Challenge challenge;  // borrows from the messages
  Answer answer;
};

Result<Recording> read(const Transcript& messages) {
  const auto challenge = decode_challenge(messages.challenge);
  if (!challenge) return challenge.error();
  Recording recording{*challenge, {}};
  if (const auto decoded = recording.answer.decode(messages.authenticate); !decoded) return decoded.error();
  const auto& message = recording.answer.message();
  const auto flags = without_idle_flags(message.flags & admitted_flags(message, challenge->flags));
  if (const auto read = recording.answer.interpret(flags); !read) return read.error();
  return recording;
}

std::optional<std::string> target_name(const Answer& answer) {
  const auto sent = answer.av_pairs() ? answer.av_pairs()->find(AvId::target_name) : std::nullopt;
  if (!sent) return std::nullopt;
  auto text = decode_text(*sent, Charset::unicode);
  return text ? std::optional(std::move(*text)) : std::nullopt;
}

bool needs_lm_hash(const Answer& answer) {
  return answer.kind() == Response::lm || (answer.flags() & kLmKey) != 0;
}

}  // namespace

Result<RecordedClaim> read_claim(const Transcript& messages) {
  const auto recording = read(messages);
  if (!recording) return recording.error();
  const Answer& answer = recording->answer;
  RecordedClaim claim;
  claim.claim = answer.claim();
  claim.response = answer.kind();
  claim.flags = answer.flags();
  claim.flags_not_granted =
      flags_added(answer.message().flags, admitted_flags(answer.message(), recording->challenge.flags));
  claim.announces_mic = answer.announces_mic();
  if (answer.kind() == Response::ntlmv2) claim.time = answer.response_time();
  if (const auto bindings = answer.bindings()) std::ranges::copy(*bindings, claim.bindings.emplace().begin());
  claim.target_name = target_name(answer);
  return claim;
}

Result<Recovered> recover(const crypto::Engine& engine, const Transcript& messages,
                          const AccountSecret& secret) {
  const auto recording = read(messages);
  if (!recording) return recording.error();
  const Answer& answer = recording->answer;
  const crypto::Key16 absent;
  const Hashes hashes{secret.nt_hash, secret.lm_hash != nullptr ? secret.lm_hash : &absent};
  const auto& server_challenge = recording->challenge.server_challenge;
  const auto check = answer.check(engine, server_challenge, hashes);

  Recovered recovered;
  recovered.secret_is_right = check.is_right;
  recovered.lm_hash_is_missing = secret.lm_hash == nullptr && needs_lm_hash(answer);
  recovered.strength = answer.strength(hashes);
  recovered.exported_session_key =
      answer.exported_key(engine, server_challenge, hashes, check.session_base_key);
  if (answer.announces_mic())
    recovered.mic_is_right =
        answer.mic_is_right(engine, recovered.exported_session_key, messages.negotiate, messages.challenge);
  return recovered;
}

}  // namespace smtpseal::ntlm
