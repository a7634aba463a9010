#include "smtpseal/daemon/tls_channel.hpp"

#include <openssl/err.h>
#include <poll.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>

#include "smtpseal/tls/certificate.hpp"

namespace smtpseal::daemon {

namespace asio = boost::asio;

SslContext make_ssl_context(const SSL_METHOD* method) {
  SslContext context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return context;
  // A peer that closes without a word is as usual in SMTP, where the end of content is marked.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // Not to go on by itself after a record without data, with which a peer could keep the thread for itself.
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

ErrorCode take_ssl_error() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return asio::error::connection_reset;
  return {static_cast<int>(code), asio::error::get_ssl_category()};
}

TlsChannel::TlsChannel(SslSession ssl, int descriptor) : ssl_(std::move(ssl)) {
  SSL_set_fd(ssl_.get(), descriptor);
}

TlsChannel::~TlsChannel() {
  ERR_clear_error();
  if (is_usable_) SSL_shutdown(ssl_.get());  // one notice, without waiting for the peer's
  ERR_clear_error();
}

Transfer TlsChannel::outcome(int result, std::size_t count) {
  if (result > 0) return {count, Transfer::Need::nothing, {}};
  const int saved_errno = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {0, Transfer::Need::readable, {}};
    case SSL_ERROR_WANT_WRITE:
      return {0, Transfer::Need::writable, {}};
    case SSL_ERROR_ZERO_RETURN:
      return {0, Transfer::Need::nothing, asio::error::eof};
    case SSL_ERROR_SYSCALL:
      is_usable_ = false;
      ERR_clear_error();
      return {0, Transfer::Need::nothing,
              saved_errno == 0 ? ErrorCode(asio::error::eof)
                               : ErrorCode(saved_errno, boost::system::system_category())};
    default:
      is_usable_ = false;
      return {0, Transfer::Need::nothing, take_ssl_error()};
  }
}

Transfer TlsChannel::handshake() {
  ERR_clear_error();
  errno = 0;
  const Transfer done = outcome(SSL_do_handshake(ssl_.get()), 0);
  is_usable_ = done.need == Transfer::Need::nothing && !done.error;
  return done;
}

Transfer TlsChannel::read(std::span<char> into) {
  ERR_clear_error();
  errno = 0;
  std::size_t count = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &count);
  return outcome(result, count);
}

Transfer TlsChannel::write(std::string_view data) {
  ERR_clear_error();
  errno = 0;
  std::size_t count = 0;
  const int result = SSL_write_ex(ssl_.get(), data.data(), data.size(), &count);
  return outcome(result, count);
}

bool TlsChannel::has_pending_input() {
  // Each look takes one record off the wire that has nothing for the application, such as a session ticket.
  // Behind so many of them only the peer of this very session can have put anything.
  constexpr int kMostLooks = 64;
  for (int looks = 0; looks < kMostLooks; ++looks) {
    ERR_clear_error();
    errno = 0;
    char octet = 0;
    std::size_t count = 0;
    const int result = SSL_peek_ex(ssl_.get(), &octet, 1, &count);
    if (outcome(result, count).need == Transfer::Need::nothing) return true;
    pollfd entry{SSL_get_fd(ssl_.get()), POLLIN, 0};
    if (::poll(&entry, 1, 0) == 0) return false;
  }
  return false;
}

// OpenSSL's result is "right" until it has looked.
long TlsChannel::verify_result() const {
  const long result = SSL_get_verify_result(ssl_.get());
  const bool has_looked = SSL_get0_verified_chain(ssl_.get()) != nullptr;
  return result == X509_V_OK && !has_looked ? X509_V_ERR_UNSPECIFIED : result;
}

session::Tls TlsChannel::facts() const {
  session::Tls facts;
  facts.version = SSL_get_version(ssl_.get());
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get());
  facts.cipher = SSL_CIPHER_get_name(cipher);
  facts.bits = static_cast<unsigned>(SSL_CIPHER_get_bits(cipher, nullptr));
  return facts;
}

Certificate TlsChannel::peer_certificate() const {
  return {SSL_get1_peer_certificate(ssl_.get()), X509_free};
}

std::optional<Bytes> TlsChannel::end_point_binding() const {
  const auto peer = peer_certificate();
  const X509* certificate = SSL_is_server(ssl_.get()) != 0 ? SSL_get_certificate(ssl_.get()) : peer.get();
  return certificate == nullptr ? std::nullopt : tls::end_point_binding(*certificate);
}

}  // namespace smtpseal::daemon
