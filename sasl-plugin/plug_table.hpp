// What the two sides' tables for libsasl2 have in common.
#pragma once

#include "sasl_api.hpp"
#include "security_limits.hpp"

namespace smtpseal::sasl {

// The strongest layer, and what the mechanism promises: the password is not sent, and nobody is anonymous.
// Both rank a mechanism before others of its name in libsasl2, such as the distribution's NTLM plugin, which
// has no layer.
inline constexpr sasl_ssf_t kBestSsf = 128;
inline constexpr unsigned kSecurityFlags = SASL_SEC_NOPLAINTEXT | SASL_SEC_NOANONYMOUS;

template <class Params>
ApplicationLimits limits_of(const Params& params) {
  return {params.props.min_ssf, params.props.max_ssf, params.external_ssf, params.props.maxbufsize};
}

inline ByteSpan as_span(const char* data, unsigned length) {
  return as_bytes({data, data == nullptr ? 0 : length});
}

// Hands out `message`, which libsasl2 reads before the next step.
inline void hand_out(ByteSpan message, const char** data, unsigned* length) {
  // Not NULL where it is empty, which would mean: nothing to send.
  *data = message.empty() ? "" : reinterpret_cast<const char*>(message.data());
  *length = static_cast<unsigned>(message.size());
}

}  // namespace smtpseal::sasl
