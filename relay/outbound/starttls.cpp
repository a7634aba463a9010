#include "outbound/starttls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/error.hpp>

#include "outbound/tls_client.hpp"

namespace smtpseal::relay {

using daemon::Task;
using Kind = Failure::Kind;

namespace {

TlsResult failed(Kind kind, std::string status, std::string text) {
  return {Failure{kind, Failure::Reason::tls, std::move(status), std::move(text)}, "no"};
}

// What says for sure that the two sides have nothing in common. Whatever else OpenSSL complains of may be
// passing trouble, and must not make mail bounce.
bool is_incompatible(const ErrorCode& error) {
  if (error.category() != daemon::asio::error::get_ssl_category()) return false;
  switch (ERR_GET_REASON(static_cast<unsigned long>(error.value()))) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
    case SSL_R_DH_KEY_TOO_SMALL:
      return true;
    default:
      return false;
  }
}

TlsResult handshake_failed(const TlsPlan& plan, const ErrorCode& error) {
  return failed(is_incompatible(error) ? Kind::protection : Kind::temporary, "7.5",
                "TLS handshake failed with " + plan.peer + ": " + error.message());
}

}  // namespace

Task<TlsResult> start_tls(OutboundContext& context, SmtpLink& link, const smtp::Ehlo& offers,
                          const TlsPlan& plan) {
  if (!offers.starttls)
    co_return failed(Kind::protection, "7.4",
                     plan.peer + " does not offer STARTTLS, or it was removed in transit");
  const auto answer = co_await link.command("STARTTLS", context.settings.command_timeout);
  if (!answer)
    co_return failed(Kind::temporary, "4.2",
                     "connection to " + plan.peer + " failed at STARTTLS: " + answer.error().message());
  if (answer->code != 220)
    co_return failed(answer->is_temporary() ? Kind::temporary : Kind::protection, "7.4",
                     plan.peer + " did not accept STARTTLS: " + answer->one_line());
  // Whoever sits in between could have them taken for what the next hop says inside TLS.
  if (link.holds_input())
    co_return failed(Kind::protection, "7.5",
                     plan.peer + " sent octets in clear behind its reply to STARTTLS");

  auto session = context.tls.make_session(plan.rule, plan.host, plan.authorities);
  if (!session) co_return handshake_failed(plan, session.error());
  const auto started =
      co_await link.stream().start_tls(std::move(*session), context.settings.tls_handshake_timeout);
  if (!started) co_return handshake_failed(plan, started.error());
  const auto* tls = link.stream().tls();
  const auto certificate = tls->peer_certificate();
  const std::string& name = plan.rule.name.empty() ? plan.host : plan.rule.name;
  auto verdict = judge_certificate(plan.rule, certificate.get(), tls->verify_result(), name);
  if (verdict.problem)
    co_return failed(Kind::protection, "7.5", "TLS with " + plan.peer + ": " + *verdict.problem);
  co_return TlsResult{{}, std::move(verdict.verified)};
}

}  // namespace smtpseal::relay
