// NTLMSSP messages of a peer. The first octet chooses the profile; the rest is, one after the other, a
// NEGOTIATE, a CHALLENGE and an AUTHENTICATE message.
#include "fuzz.hpp"
#include "smtpseal/ntlm/authenticate.hpp"
#include "smtpseal/ntlm/av_pairs.hpp"
#include "smtpseal/ntlm/challenge.hpp"
#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/ntlm/negotiate.hpp"
#include "smtpseal/ntlm/server.hpp"

using namespace smtpseal;
using fuzz::require;

namespace {

constexpr std::uint64_t kNow = 132000000000000000;  // a FILETIME in 2019

const std::shared_ptr<const crypto::Engine>& engine() {
  static const auto instance = crypto::Engine::create().value();
  return instance;
}

bool lies_within(ByteSpan field, ByteSpan message) {
  return field.empty() ||
         (field.data() >= message.data() && field.data() + field.size() <= message.data() + message.size());
}

void check_decoders(ByteSpan message) {
  (void)ntlm::AvPairs::decode(message);
  if (const auto got = ntlm::decode_negotiate(message)) {
    require(lies_within(got->domain, message) && lies_within(got->workstation, message));
  }
  if (const auto got = ntlm::decode_challenge(message)) {
    require(lies_within(got->target_name, message) && lies_within(got->target_info, message));
    (void)ntlm::AvPairs::decode(got->target_info);
  }
  if (const auto got = ntlm::decode_authenticate(message)) {
    for (const ByteSpan field : {got->lm_response, got->nt_response, got->domain, got->user, got->workstation,
                                 got->encrypted_session_key}) {
      require(lies_within(field, message));
    }
  }
}

ntlm::ClientPolicy policy(unsigned choice) {
  const unsigned strength = (choice & 2) == 0 ? 128 : 40;
  return (choice & 1) == 0 ? ntlm::modern_policy(true, strength) : ntlm::exchange5_policy(true, strength);
}

// Whatever the server says, nothing weaker than the policy comes out.
void check_client(unsigned choice, ByteSpan challenge) {
  ntlm::ClientIdentity identity;
  identity.domain = "INTELLINET";
  identity.user = "DOUG";
  if ((choice & 4) != 0) identity.lm_hash.emplace();
  ntlm::Client client(engine(), std::move(identity), policy(choice), {});
  if (!client.negotiate() || !client.authenticate(challenge, kNow)) return;
  const ntlm::Outcome outcome = client.take_outcome();
  require(outcome.sealed && outcome.strength >= policy(choice).minimum_strength);
  require(outcome.response >= policy(choice).response);
}

// Whatever the client says, an account that does not exist is never let in.
void check_server(unsigned choice, ByteSpan message) {
  static const auto server_policy = std::make_shared<const ntlm::ServerPolicy>();
  ntlm::Client client(engine(), {}, policy(choice), {});
  const auto negotiate = client.negotiate();
  ntlm::Server first(engine(), server_policy, {});
  (void)first.challenge(message, kNow);
  ntlm::Server second(engine(), server_policy, {});
  if (!negotiate || !second.challenge(*negotiate, kNow)) return;
  if (!second.claim(message)) return;
  require(!second.verify(std::nullopt, {ntlm::Response::lm, 40}, kNow));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan message = fuzz::bytes(data + 1, size - 1);
  check_decoders(message);
  check_client(data[0], message);
  check_server(data[0], message);
  return 0;
}
