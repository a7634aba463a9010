#include "session_words.hpp"

namespace smtpseal::cli {

using session::Protection;
using session::SessionSecurity;

namespace {

std::string login_words(const SessionSecurity& security) {
  if (security.mechanism.empty()) return "nobody logged on";
  std::string text = "the sending host logged on by " + security.mechanism;
  if (!security.account.empty()) text += " as " + security.account;
  if (security.response) text += " with " + std::string(ntlm::name(*security.response));
  return text;
}

std::string tls_words(const SessionSecurity& security) {
  if (!security.tls) return {};
  return "; the session had " + security.tls->version + ", " + security.tls->cipher + ", " +
         std::to_string(security.tls->bits) + " bit";
}

}  // namespace

std::string session_meaning(const SessionSecurity& security) {
  switch (security.protection) {
    case Protection::sealed:
      return login_words(security) + ", and everything after that came encrypted by RC4 with " +
             std::to_string(security.bits) + " bit" + tls_words(security);
    case Protection::authenticated:
      return login_words(security) + "; no seal encrypted the content" + tls_words(security);
    case Protection::tls:
      return "TLS without a login: encrypted, by whom is not known" + tls_words(security);
    case Protection::none:
      return "neither a login nor encryption: anybody on the way could read and change the message";
    case Protection::unknown:
      return "what protected the session could not be found out: " + security.unknown_reason +
             "; take it for unprotected";
  }
  return {};
}

std::string session_weakness(const SessionSecurity& security) {
  if (security.protection == Protection::sealed && security.bits < 128)
    return std::to_string(security.bits) + " bit can be broken by whoever recorded the session";
  if (security.response && *security.response != ntlm::Response::ntlmv2)
    return std::string(ntlm::name(*security.response)) + " lets passwords be found with little work";
  return {};
}

std::string session_peer(const SessionSecurity& security) {
  if (security.peer_address.empty()) return security.peer_name;
  return security.peer_name + "[" + security.peer_address + "]";
}

}  // namespace smtpseal::cli
