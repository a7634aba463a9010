#include "smtpseal/ntlm/client.hpp"

namespace smtpseal::ntlm {

ClientPolicy modern_policy(bool seal, unsigned minimum_strength) {
  ClientPolicy policy;
  policy.seal = seal;
  policy.minimum_strength = minimum_strength;
  policy.offer_56 = minimum_strength < 128;
  return policy;
}

ClientPolicy exchange5_policy(bool seal, unsigned minimum_strength) {
  ClientPolicy policy;
  policy.response = Response::ntlmv1;
  policy.seal = seal;
  policy.extended_session_security = false;
  policy.minimum_strength = minimum_strength;
  policy.lm_key = seal && minimum_strength < 128;
  policy.offer_128 = minimum_strength == 128;
  policy.offer_56 = minimum_strength == 56;
  policy.send_version = false;
  policy.oem_names_in_negotiate = true;
  policy.echo_target_type = true;
  return policy;
}

ClientNonces draw_nonces(const crypto::Engine& engine) {
  ClientNonces nonces;
  engine.random(nonces.client_challenge);
  engine.random(nonces.random_session_key.writable());
  return nonces;
}

}  // namespace smtpseal::ntlm
