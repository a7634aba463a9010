// STARTTLS (RFC 3207) with a next hop, as its rule asks.
#pragma once

#include <optional>
#include <string>

#include "outbound/context.hpp"
#include "outbound/failure.hpp"
#include "smtp_link.hpp"
#include "smtpseal/smtp/ehlo.hpp"
#include "smtpseal/tls/trust_store.hpp"

namespace smtpseal::relay {

struct TlsPlan {
  const policy::TlsRule& rule;
  const tls::TrustStore& authorities;
  std::string peer;  // host[address], for messages
  std::string host;  // by its name or, for a literal, its address
};

struct TlsResult {
  std::optional<Failure> failure;
  std::string verified;  // as CertificateVerdict has it
};

// On success `link` speaks through TLS, and nothing the next hop said before counts any more. On failure the
// link must be closed.
daemon::Task<TlsResult> start_tls(OutboundContext& context, SmtpLink& link, const smtp::Ehlo& offers,
                                  const TlsPlan& plan);

}  // namespace smtpseal::relay
