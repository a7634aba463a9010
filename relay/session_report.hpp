// What the relay's control socket answers to `sessions *`.
#pragma once

#include "inbound/session_registry.hpp"
#include "outbound/hop_registry.hpp"

namespace smtpseal::relay {

// control::format_sessions() of all that are open; PERM where the key is not "*".
[[nodiscard]] postfix::SocketmapReply sessions_answer(const SessionRegistry& inbound,
                                                      const HopRegistry& outbound,
                                                      const postfix::SocketmapRequest& request);

}  // namespace smtpseal::relay
