// TLS over a connected, non-blocking socket, without waiting: every call says what it did and what it needs
// to go on. OpenSSL works on the descriptor itself, so that a session costs no buffers of ours, and idle ones
// none of its own.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "smtpseal/bytes.hpp"
#include "smtpseal/result.hpp"
#include "smtpseal/session/session_security.hpp"

namespace smtpseal::daemon {

using SslContext = std::shared_ptr<SSL_CTX>;
using SslSession = std::unique_ptr<SSL, decltype(&SSL_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

// What every context of ours has: no compression, no renegotiation, no resumption, buffers only while in use.
// `method` is TLS_client_method() or TLS_server_method(). Null where OpenSSL has no memory.
SslContext make_ssl_context(const SSL_METHOD* method);

// The newest error of OpenSSL in this thread, as an error code of Asio's SSL category; clears the rest.
ErrorCode take_ssl_error();

// What came of one attempt to transfer octets.
struct Transfer {
  enum class Need { nothing, readable, writable };
  std::size_t count = 0;      // octets transferred; 0 with a need or an error
  Need need = Need::nothing;  // what to wait for before the same call is made again
  ErrorCode error;            // final: asio::error::eof where the peer has closed
};

class TlsChannel {
 public:
  // `ssl` has its role (SSL_set_connect_state, SSL_set_accept_state) and rules; `descriptor` outlives the
  // object.
  TlsChannel(SslSession ssl, int descriptor);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  // Finished once it needs nothing and has no error.
  Transfer handshake();
  // REQUIRES: the handshake is finished. Spans are not empty.
  Transfer read(std::span<char> into);
  Transfer write(std::string_view data);
  // True where application data, the peer's end or an error waits to be read; not for what is TLS's own, such
  // as session tickets.
  [[nodiscard]] bool has_pending_input();

  // Of the finished handshake.
  [[nodiscard]] session::Tls facts() const;
  [[nodiscard]] Certificate peer_certificate() const;  // null where the peer has shown none
  // X509_V_OK where chain and name of the peer's certificate were looked at and are right, or why they are
  // not.
  [[nodiscard]] long verify_result() const;
  // Application data for channel bindings: of the certificate that the server of this session has shown.
  // nullopt where there is no such binding.
  [[nodiscard]] std::optional<Bytes> end_point_binding() const;

 private:
  Transfer outcome(int result, std::size_t count);

  SslSession ssl_;
  bool is_usable_ = false;  // the handshake is finished and nothing has failed since
};

}  // namespace smtpseal::daemon
