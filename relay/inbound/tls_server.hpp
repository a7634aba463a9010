// The server's side of TLS: certificate and key of the relay, loaded at start and at reload, swapped as one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "smtpseal/config/params.hpp"
#include "smtpseal/daemon/tls_channel.hpp"
#include "smtpseal/ntlm/server.hpp"

namespace smtpseal::relay {

class TlsServer {
 public:
  // Of the parameters relay.tls_cert_file, tls_key_file, tls_min and channel_bindings, before load(). Throws
  // daemon::StartupError where they contradict each other.
  explicit TlsServer(const config::Values& values);

  // Reads the files anew. Throws daemon::StartupError; the object stays as it was then.
  void load();
  // The same, but logs and returns what is wrong, and goes on with what it has.
  std::string reload();

  // Whether there is a certificate, so that STARTTLS can be offered.
  [[nodiscard]] bool is_on() const { return context_ != nullptr; }
  // When the certificate ends; nothing without one.
  [[nodiscard]] std::optional<std::int64_t> not_after() const;
  // REQUIRES: is_on(). Sessions in progress keep the certificate they began with. Errors: those of OpenSSL.
  [[nodiscard]] Result<daemon::SslSession> make_session() const;

  // Tells an NTLM server what its clients' channel bindings must be. `channel` is the TLS session around the
  // login; null without.
  void bind(ntlm::ServerPolicy& policy, const crypto::Engine& engine,
            const daemon::TlsChannel* channel) const;

 private:
  std::string certificate_file_;
  std::string key_file_;  // empty: in certificate_file_
  int least_version_;
  bool requires_bindings_;
  daemon::SslContext context_;
};

}  // namespace smtpseal::relay
