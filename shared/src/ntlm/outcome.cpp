#include "smtpseal/ntlm/outcome.hpp"

#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::ntlm {

std::string_view name(Response response) {
  switch (response) {
    case Response::lm:
      return "LM";
    case Response::ntlmv1:
      return "NTLMv1";
    case Response::ntlm2_session:
      return "NTLM2-session";
    case Response::ntlmv2:
      return "NTLMv2";
  }
  return "unknown";
}

unsigned seal_strength(std::uint32_t flags) {
  if ((flags & kExtendedSessionSecurity) != 0) {
    if ((flags & k128) != 0) return 128;
    return (flags & k56) != 0 ? 56 : 40;
  }
  if ((flags & kLmKey) != 0) return (flags & k56) != 0 ? 56 : 40;
  return 128;
}

bool has_fresh_key(std::uint32_t flags) {
  return (flags & (kExtendedSessionSecurity | kLmKey | kKeyExch)) != 0;
}

}  // namespace smtpseal::ntlm
