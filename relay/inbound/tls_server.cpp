#include "inbound/tls_server.hpp"

#include <openssl/err.h>

#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/ntlm/channel_bindings.hpp"
#include "smtpseal/policy/checked_file.hpp"
#include "smtpseal/tls/certificate.hpp"

namespace smtpseal::relay {
namespace {

using daemon::StartupError;

int version_number(const std::string& word) {
  if (word == "1.0") return TLS1_VERSION;
  if (word == "1.1") return TLS1_1_VERSION;
  return word == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION;
}

[[noreturn]] void refuse(const char* parameter, const std::string& file, const std::string& problem) {
  throw StartupError(std::string(parameter) + " = \"" + file + "\": " + problem);
}

// Owner and mode are those of a file that holds secrets, or of one that others may read.
void check_file(const char* parameter, const std::string& file, policy::Confidential confidential) {
  const auto read = policy::read_checked_file(file, confidential);
  if (!read.text) refuse(parameter, file, read.problem);
}

// Nobody is there to be asked for the pass phrase of a key.
int no_pass_phrase(char*, int, int, void*) {
  return -1;
}

std::string reason() {
  return daemon::take_ssl_error().message();
}

}  // namespace

TlsServer::TlsServer(const config::Values& values)
    : certificate_file_(values.text("relay.tls_cert_file")),
      key_file_(values.text("relay.tls_key_file")),
      least_version_(version_number(values.text("relay.tls_min"))),
      requires_bindings_(values.text("relay.channel_bindings") == "require") {
  if (certificate_file_.empty() && !key_file_.empty())
    refuse("relay.tls_key_file", key_file_, "relay.tls_cert_file is missing");
  if (certificate_file_.empty() && values.flag("relay.auth_only_with_tls"))
    throw StartupError("relay.auth_only_with_tls: nobody could log in without relay.tls_cert_file");
}

void TlsServer::load() {
  if (certificate_file_.empty()) return;
  const std::string& key_file = key_file_.empty() ? certificate_file_ : key_file_;
  const char* key_parameter = key_file_.empty() ? "relay.tls_cert_file" : "relay.tls_key_file";
  check_file("relay.tls_cert_file", certificate_file_, policy::Confidential::no);
  check_file(key_parameter, key_file, policy::Confidential::yes);

  auto context = daemon::make_ssl_context(TLS_server_method());
  if (!context) throw StartupError("OpenSSL has no memory");
  SSL_CTX_set_default_passwd_cb(context.get(), no_pass_phrase);
  SSL_CTX_set_min_proto_version(context.get(), least_version_);
  // Before TLS 1.2 handshakes are signed by way of SHA-1, which OpenSSL does at security level 0 only.
  if (least_version_ < TLS1_2_VERSION) SSL_CTX_set_cipher_list(context.get(), "DEFAULT:@SECLEVEL=0");
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file_.c_str()) != 1)
    refuse("relay.tls_cert_file", certificate_file_, "no usable certificate chain: " + reason());
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    refuse(key_parameter, key_file,
           "no usable private key of the certificate (PEM, without pass phrase): " + reason());
  // OpenSSL has a place for each kind of key, and would keep one that has nothing to do with the certificate.
  if (SSL_CTX_check_private_key(context.get()) != 1)
    refuse(key_parameter, key_file, "the private key is not that of the certificate: " + reason());
  if (requires_bindings_ && !tls::end_point_binding(*SSL_CTX_get0_certificate(context.get())))
    refuse("relay.tls_cert_file", certificate_file_,
           "its signature has no hash to bind logins to, which relay.channel_bindings = \"require\" needs");
  context_ = std::move(context);
}

std::string TlsServer::reload() {
  try {
    load();
    return {};
  } catch (const StartupError& error) {
    log::error("certificate-not-loaded").field("reason", error.what()).field("in_use", "the previous one");
    return error.what();
  }
}

std::optional<std::int64_t> TlsServer::not_after() const {
  if (!is_on()) return std::nullopt;
  return tls::not_after(*SSL_CTX_get0_certificate(context_.get()));
}

Result<daemon::SslSession> TlsServer::make_session() const {
  daemon::SslSession ssl(SSL_new(context_.get()), SSL_free);
  if (!ssl) return daemon::take_ssl_error();
  SSL_set_accept_state(ssl.get());
  return ssl;
}

void TlsServer::bind(ntlm::ServerPolicy& policy, const crypto::Engine& engine,
                     const daemon::TlsChannel* channel) const {
  const auto binding = channel == nullptr ? std::nullopt : channel->end_point_binding();
  policy.refuse_foreign_bindings = !binding;
  policy.require_channel_bindings = channel != nullptr && requires_bindings_;
  if (binding) policy.channel_bindings = ntlm::channel_bindings_hash(engine, *binding);
}

}  // namespace smtpseal::relay
