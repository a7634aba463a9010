// What the control socket answers `smtpseal holds`, as a socketmap: map `holds`, key `*`: what stands against
// accounts now, as holds::format_list() writes it; map `lift`, key an account: ends its hold.
#pragma once

#include "outbound/credential_gate.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace smtpseal::relay {

[[nodiscard]] postfix::SocketmapReply hold_answer(CredentialGate& gate,
                                                  const postfix::SocketmapRequest& request);

}  // namespace smtpseal::relay
