#include "connection.hpp"

#include <sys/uio.h>

#include <array>

#include "utilities.hpp"

namespace smtpseal::sasl {
namespace {

// More parts than an application uses (libsasl2 hands them through from sasl_encodev) are gathered in memory.
constexpr unsigned kPartsOnStack = 8;

ByteSpan as_span(const struct iovec& part) {
  return {static_cast<const std::byte*>(part.iov_base), part.iov_len};
}

}  // namespace

void Connection::install_layer(std::shared_ptr<const crypto::Engine> engine, ntlm::Role role,
                               const ntlm::Outcome& outcome, std::optional<session::Framing> framing,
                               OutputRule rule, unsigned ssf, sasl_out_params_t& result) {
  layer_.emplace(std::move(engine), role, outcome, framing, rule);
  result.mech_ssf = ssf;
  result.maxoutbuf = kRecordData;
  result.encode_context = this;
  result.encode = &Connection::encode;
  result.decode_context = this;
  result.decode = &Connection::decode;
}

int Connection::encode(void* context, const struct iovec* parts, unsigned count, const char** output,
                       unsigned* length) {
  auto& self = from_context<Connection>(context);
  return guarded(self.utils_, [&] {
    std::array<ByteSpan, kPartsOnStack> few;
    std::vector<ByteSpan> many(count > few.size() ? count : 0);
    const std::span<ByteSpan> spans = many.empty() ? std::span(few).first(count) : std::span(many);
    for (unsigned i = 0; i < count; ++i) spans[i] = as_span(parts[i]);
    return self.hand_out("sealing", self.layer_->encode(spans), output, length);
  });
}

int Connection::decode(void* context, const char* input, unsigned input_length, const char** output,
                       unsigned* length) {
  auto& self = from_context<Connection>(context);
  return guarded(self.utils_, [&] {
    return self.hand_out("unsealing", self.layer_->decode(as_bytes({input, input_length})), output, length);
  });
}

int Connection::hand_out(const char* what, const Result<ByteSpan>& made, const char** output,
                         unsigned* length) const {
  *output = nullptr;
  *length = 0;
  if (!made)
    return fail(utils_, SASL_LOG_ERR, SASL_FAIL, std::string(what) + " failed: " + made.error().message());
  *length = static_cast<unsigned>(made->size());
  if (!made->empty()) *output = reinterpret_cast<const char*>(made->data());
  return SASL_OK;
}

}  // namespace smtpseal::sasl
