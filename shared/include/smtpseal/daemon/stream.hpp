// One connection as a session sees it: octets with a deadline on every operation and, once there, TLS and the
// security layer below, in this order on the wire. Idle streams hold no buffers: what is read passes through
// one scratch buffer of the whole process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "smtpseal/daemon/async.hpp"
#include "smtpseal/daemon/tls_channel.hpp"
#include "smtpseal/result.hpp"
#include "smtpseal/session/security_layer.hpp"

namespace smtpseal::daemon {

class Stream {
 public:
  explicit Stream(Socket socket);
  ~Stream();
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;

  // Waits for octets and appends them to `into`, unsealed where a layer is installed; returns how many, at
  // least 1. Errors: asio::error::eof (the peer closed; in the middle of a sealed record:
  // session::errc::record_mismatch), asio::error::timed_out, those of the socket and of the layer. All are
  // final for reading; after timed_out the peer may still be written to.
  Task<Result<std::size_t>> read(std::string& into, Seconds timeout);

  // Writes all of `data`, sealed where a layer is installed. `data` must stay valid until done.
  Task<Result<>> write(std::string_view data, Seconds timeout);

  // The TLS handshake, within `timeout` in all; everything after it, both ways, goes through TLS. `ssl` has
  // its role and rules. Errors: those of the socket and of OpenSSL (asio::error::get_ssl_category()), all
  // final. REQUIRES: no layer is installed, and the caller holds no octets that were read before.
  Task<Result<>> start_tls(SslSession ssl, Seconds timeout);
  // Null where there is none, or its handshake has failed.
  [[nodiscard]] const TlsChannel* tls() const;

  // Everything after this call, both ways, goes through the layer.
  // REQUIRES: the caller holds no octets that were read before it; they must end the session instead.
  void install(session::SecurityLayer layer);
  [[nodiscard]] const session::SecurityLayer* layer() const;

  // True where the peer has closed or sent something unasked for: an idle session must not be used again
  // then.
  [[nodiscard]] bool has_pending_input();
  // Makes a waiting read() end with asio::error::operation_aborted; the stream may still be written to.
  void interrupt();
  // Frees buffers kept for speed: call before a long wait.
  void trim();
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace smtpseal::daemon
