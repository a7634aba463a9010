// What security layer a session may have and must have: the application's security properties against our own
// settings. Pure.
#pragma once

#include <optional>
#include <string>

#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/ntlm/server.hpp"

namespace smtpseal::sasl {

// The application's side (sasl_security_properties_t and the external SSF), in bits as libsasl2 counts them.
struct ApplicationLimits {
  unsigned min_ssf = 0;
  unsigned max_ssf = 0;
  unsigned external_ssf = 0;  // of TLS below, for example; counts towards both limits
  unsigned max_buffer = 0;    // sasl_security_properties_t::maxbufsize; 0: no layer
};

// sasl.client_layer of smtpseal.toml.
//   automatic: demanded, unless the application takes none at all (max_ssf 0 or maxbufsize 0, as Postfix) or
//   TLS
//              of the demanded strength is there already
//   required:  always; where the application's limits do not allow it there is no login
//   never:     authentication alone
enum class LayerWish { automatic, required, never };

// Strengths are effective key lengths of a seal: 40, 56, 128.
struct LayerPlan {
  bool seal = false;                // a client asks for a layer; a server may grant one
  bool required = false;            // a login without a layer must fail
  unsigned minimum_strength = 128;  // of the seal
  unsigned maximum_strength = 128;
  std::string problem{};  // not empty: no login is possible; says why
};

// What SSF a layer of this strength reports (sasl.ssf_limit bounds it).
unsigned reported_ssf(unsigned strength, unsigned ssf_limit);

// A client: `strength` is sasl.client_strength. The plan never seals with less than max(strength, what
// min_ssf leaves open), nor more than max_ssf allows, both as reported_ssf() counts.
LayerPlan plan_client(const ApplicationLimits& limits, LayerWish wish, unsigned strength, unsigned ssf_limit);
// A server grants a layer to a client that asks for one, as far as the limits allow; minimum_strength is what
// min_ssf demands. `seal` false: none may be granted.
LayerPlan plan_server(const ApplicationLimits& limits, unsigned ssf_limit);

// Narrows the NTLM settings to the plan. REQUIRES: `client` was made for plan.minimum_strength.
void apply(const LayerPlan& plan, ntlm::ClientPolicy& client);
void apply(const LayerPlan& plan, ntlm::ServerPolicy& server);

// What was negotiated against the plan: empty, or why the login must fail all the same. The settings cannot
// bound a session without ESS from above: it has 128 bits where the peer grants no LM_KEY. A server's
// settings do not demand a layer either.
std::string objection(const LayerPlan& plan, const ntlm::Outcome& outcome);
// For the log: "NTLMv2, sealed with 128 bits".
std::string describe(const ntlm::Outcome& outcome);

}  // namespace smtpseal::sasl
