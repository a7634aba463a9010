// A security layer as libsasl2 calls it: the C functions behind sasl_encode() and sasl_decode().
#pragma once

#include "layer.hpp"
#include "sasl_api.hpp"

namespace smtpseal::sasl {

class InstalledLayer {
 public:
  // `utils` belongs to the connection and outlives it.
  InstalledLayer(const sasl_utils_t& utils, std::shared_ptr<const crypto::Engine> engine, ntlm::Role role,
                 const ntlm::Outcome& outcome, std::optional<session::Framing> framing, OutputRule rule)
      : utils_(utils), layer_(std::move(engine), role, outcome, framing, rule) {}

  // Makes libsasl2 use this layer, which must stay where it is from now on.
  void install(unsigned ssf, sasl_out_params_t& result);

 private:
  static int encode(void* context, const struct iovec* parts, unsigned count, const char** output,
                    unsigned* length);
  static int decode(void* context, const char* input, unsigned input_length, const char** output,
                    unsigned* length);
  int hand_out(const char* what, const Result<ByteSpan>& made, const char** output, unsigned* length) const;

  const sasl_utils_t& utils_;
  Layer layer_;
};

}  // namespace smtpseal::sasl
