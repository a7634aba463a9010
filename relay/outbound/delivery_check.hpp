// Whether a delivery can work, as far as it is known without trying: what the policy daemon asks for each
// recipient in a listed domain, so that its sender learns at once what else would be seen in the queue only.
#pragma once

#include <optional>
#include <string_view>

#include "outbound/context.hpp"
#include "outbound/failure.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace smtpseal::relay {

// What becomes of mail while the gate lets no login through.
[[nodiscard]] Failure to_failure(const CredentialGate::Denial& denial);

// The login that is not to be tried, because an earlier one was refused or got no verdict; nothing where it
// may be tried.
[[nodiscard]] std::optional<Failure> held_login(const OutboundContext& context,
                                                const policy::Credential& credential);

// The socketmap answer to "delivery ADDRESS": OK, naming the rule; TEMP or PERM with the SMTP reply that the
// delivery would get ("451 4.7.8 ..."), without account and file names, since smtpd may show it to strangers;
// NOTFOUND where the relay does not deliver for the domain.
[[nodiscard]] postfix::SocketmapReply delivery_answer(const OutboundContext& context,
                                                      std::string_view address);

}  // namespace smtpseal::relay
