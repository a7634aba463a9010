#include "smtpseal/ntlm/mic.hpp"

#include <array>

#include "smtpseal/ntlm/authenticate.hpp"

namespace smtpseal::ntlm {

crypto::Digest16 compute_mic(const crypto::Engine& engine, const crypto::Key16& exported_session_key,
                             const Transcript& messages) {
  constexpr std::array<std::byte, kMicSize> zeros{};
  return engine.hmac_md5(exported_session_key.octets(),
                         {messages.negotiate, messages.challenge, messages.authenticate.first(kMicOffset),
                          zeros, messages.authenticate.subspan(kMicOffset + kMicSize)});
}

}  // namespace smtpseal::ntlm
