// What binds an NTLM login to the TLS session around it: the value of MsvAvChannelBindings
// ([MS-NLMP] 2.2.2.1, 3.1.1.2). Pure.
#pragma once

#include "smtpseal/bytes.hpp"
#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::ntlm {

// The MD5 of a gss_channel_bindings_struct (RFC 2744 3.11) without addresses, whose application data are
// those of the channel: "tls-server-end-point:" and a hash of the server's certificate (RFC 5929 section 4).
crypto::Digest16 channel_bindings_hash(const crypto::Engine& engine, ByteSpan application_data);

}  // namespace smtpseal::ntlm
