#include "smtpseal/session/mta_view.hpp"

#include "../decimal.hpp"
#include "../smtp/ascii.hpp"
#include "smtpseal/smtp/command.hpp"

namespace smtpseal::session {
namespace {

using namespace smtp;

constexpr unsigned kLeastSeal = 40;  // less is integrity only, or nothing

unsigned number(std::string_view text) {
  return decimal<unsigned>(text).value_or(0);
}

void add_tls(const MtaView& view, SessionSecurity& security) {
  if (view.tls_version.empty()) return;
  security.protection = Protection::tls;
  security.tls = Tls{view.tls_version, view.cipher, number(view.cipher_bits)};
}

// What is no xtext names nobody: the MTA would not have written it.
std::string account_of(const MtaView& view) {
  if (!view.account_is_xtext) return view.auth_authen;
  const auto account = from_xtext(view.auth_authen);
  return account ? *account : std::string();
}

void add_login(const MtaView& view, SessionSecurity& security) {
  const std::string mechanism = ascii::upper(view.auth_type);
  if (mechanism.empty() || mechanism == "XCLIENT") return;
  security.protection = Protection::authenticated;
  security.mechanism = mechanism;
  security.account = account_of(view);

  const unsigned strength = number(view.auth_ssf);
  if (mechanism != "NTLM" || strength < kLeastSeal) return;
  security.protection = Protection::sealed;
  security.bits = strength;
  security.octets_sealed = security.octets_unsealed = 1;
}

}  // namespace

SessionSecurity security_of(const MtaView& view) {
  SessionSecurity security;
  add_tls(view, security);
  add_login(view, security);
  return security;
}

}  // namespace smtpseal::session
