#include "outbound/tls_client.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/policy/checked_file.hpp"

namespace smtpseal::relay {
namespace {

using policy::TlsMode;
using policy::TlsVersion;

tls::TrustStoreParse read_authorities(const std::string& ca_file) {
  if (ca_file.empty()) {
    auto store = tls::system_trust_store();
    return {store, store ? "" : "the system's authorities cannot be used"};
  }
  const auto file = policy::read_checked_file(ca_file, policy::Confidential::no);
  if (!file.text) return {nullptr, file.problem};
  return tls::parse_trust_store(file.text->reveal());
}

int protocol_version(TlsVersion version) {
  switch (version) {
    case TlsVersion::tls_1_0:
      return TLS1_VERSION;
    case TlsVersion::tls_1_1:
      return TLS1_1_VERSION;
    case TlsVersion::tls_1_2:
      return TLS1_2_VERSION;
    case TlsVersion::tls_1_3:
      break;
  }
  return TLS1_3_VERSION;
}

bool is_address(const std::string& name) {
  boost::system::error_code error;
  boost::asio::ip::make_address(name, error);
  return !error;
}

// Before TLS 1.2 handshakes are signed by way of SHA-1, which OpenSSL does at security level 0 only. What is
// asked of certificates stays as it was.
bool admit_versions(SSL& ssl, TlsVersion least) {
  if (least < TlsVersion::tls_1_2) {
    X509_VERIFY_PARAM_set_auth_level(SSL_get0_param(&ssl), SSL_get_security_level(&ssl));
    SSL_set_security_level(&ssl, 0);
    if (SSL_set_cipher_list(&ssl, "DEFAULT:@SECLEVEL=0") != 1) return false;
  }
  return SSL_set_min_proto_version(&ssl, protocol_version(least)) == 1;
}

bool ask_for_name(SSL& ssl, const std::string& name) {
  X509_VERIFY_PARAM* param = SSL_get0_param(&ssl);
  if (is_address(name)) return X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(param,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(param, name.c_str(), name.size()) == 1;
}

}  // namespace

TlsClient::TlsClient(std::string ca_file)
    : ca_file_(std::move(ca_file)), context_(daemon::make_ssl_context(TLS_client_method())) {
  if (!context_) throw daemon::StartupError("OpenSSL has no memory");
}

void TlsClient::load() {
  auto read = read_authorities(ca_file_);
  if (!read.store) throw daemon::StartupError("relay.tls_ca_file = \"" + ca_file_ + "\": " + read.problem);
  authorities_ = std::move(read.store);
}

std::string TlsClient::reload() {
  try {
    load();
    return {};
  } catch (const daemon::StartupError& error) {
    log::error("authorities-not-loaded").field("reason", error.what()).field("in_use", "the previous ones");
    return error.what();
  }
}

Result<daemon::SslSession> TlsClient::make_session(const policy::TlsRule& rule, const std::string& name,
                                                   const tls::TrustStore& authorities) const {
  ERR_clear_error();
  daemon::SslSession ssl(SSL_new(context_.get()), SSL_free);
  if (!ssl) return daemon::take_ssl_error();
  SSL_set_connect_state(ssl.get());
  const std::string& wanted = rule.name.empty() ? name : rule.name;
  if (!admit_versions(*ssl, rule.least)) return daemon::take_ssl_error();
  if (!is_address(wanted) && SSL_set_tlsext_host_name(ssl.get(), wanted.c_str()) != 1)
    return daemon::take_ssl_error();
  // The handshake goes on whatever the certificate is, so that the verdict can say what is wrong with it;
  // nothing is sent before the verdict.
  SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, nullptr);
  if (rule.mode != TlsMode::verify || !rule.fingerprints.empty()) return ssl;
  if (!authorities || SSL_set1_verify_cert_store(ssl.get(), authorities.get()) != 1 ||
      !ask_for_name(*ssl, wanted))
    return daemon::take_ssl_error();
  return ssl;
}

CertificateVerdict judge_certificate(const policy::TlsRule& rule, const X509* certificate, long verify_result,
                                     const std::string& name) {
  if (rule.mode != TlsMode::verify) return {"no", {}};
  if (certificate == nullptr) return {"no", "no certificate was shown"};
  if (!rule.fingerprints.empty()) {
    const auto shown = tls::fingerprint_of(*certificate);
    if (std::ranges::find(rule.fingerprints, shown) != rule.fingerprints.end()) return {"fingerprint", {}};
    return {"no", "the certificate has the SHA-256 fingerprint " + tls::to_text(shown) +
                      ", which fingerprint= does not name"};
  }
  if (verify_result == X509_V_OK) return {"chain", {}};
  if (verify_result == X509_V_ERR_HOSTNAME_MISMATCH || verify_result == X509_V_ERR_IP_ADDRESS_MISMATCH)
    return {"no", "the certificate is not for " + name + "; the names in it: " + tls::names_of(*certificate)};
  return {"no",
          std::string("the certificate is not trusted: ") + X509_verify_cert_error_string(verify_result)};
}

}  // namespace smtpseal::relay
