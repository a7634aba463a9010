// What libsasl2 holds of a login and hands back to each of our functions, and the C functions behind
// sasl_encode() and sasl_decode().
#pragma once

#include <optional>

#include "layer.hpp"
#include "sasl_api.hpp"

namespace smtpseal::sasl {

class Connection {
 public:
  // `utils` belongs to the connection and outlives it.
  explicit Connection(const sasl_utils_t& utils) : utils_(utils) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  // The void pointer that libsasl2 keeps. It passes this one to encode and decode, whatever encode_context
  // and decode_context say (libsasl2 2.1.28).
  static void* to_context(std::unique_ptr<Connection> connection) { return connection.release(); }
  template <class Login>
  static Login& from_context(void* context) {
    return static_cast<Login&>(*static_cast<Connection*>(context));
  }

 protected:
  [[nodiscard]] const sasl_utils_t& utils() const { return utils_; }

  // From now on everything goes through a layer made of `outcome`, which is sealed.
  void install_layer(std::shared_ptr<const crypto::Engine> engine, ntlm::Role role,
                     const ntlm::Outcome& outcome, std::optional<session::Framing> framing, OutputRule rule,
                     unsigned ssf, sasl_out_params_t& result);

 private:
  static int encode(void* context, const struct iovec* parts, unsigned count, const char** output,
                    unsigned* length);
  static int decode(void* context, const char* input, unsigned input_length, const char** output,
                    unsigned* length);
  int hand_out(const char* what, const Result<ByteSpan>& made, const char** output, unsigned* length) const;

  const sasl_utils_t& utils_;
  std::optional<Layer> layer_;
};

}  // namespace smtpseal::sasl
