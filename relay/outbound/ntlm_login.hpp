// AUTH NTLM as the client ([MS-SMTPNTLM], RFC 4954), or XAUTH NTLM for Exchange 5.0 (inferred grammar), and
// installing the security layer where the rule asks for it.
#pragma once

#include "outbound/login.hpp"

namespace smtpseal::relay {

// What an error of the NTLMSSP library means to the administrator. Pure.
Failure explain_ntlm(const ErrorCode& error, const LoginPlan& plan);

// Whether the text behind 334 is an NTLMSSP message, rather than words such as "ntlm supported"
// ([MS-SMTPNTLM] 2.2.1.2), with which a server answers AUTH NTLM and leaves the initial response aside. Pure.
[[nodiscard]] bool is_ntlmssp_text(std::string_view text);

daemon::Task<LoginResult> log_in_by_ntlm(OutboundContext& context, SmtpLink& link, const LoginPlan& plan);

}  // namespace smtpseal::relay
