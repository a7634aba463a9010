#include "layer.hpp"

#include <algorithm>

#include "smtpseal/bytes.hpp"
#include "smtpseal/secret.hpp"

namespace smtpseal::sasl {
namespace {

// What a buffer keeps for the next call: records of the usual size then cost no allocation, and a single huge
// one does not stay with an idle session.
constexpr std::size_t kKeptCapacity = 16384;

class Category final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "sasl layer"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::output_too_long:
        return "the server sent more replies at once than this program can take";
      case errc::framing_unknown:
        return "nothing can be sent before the client's first sealed record, which shows the framing";
      case errc::peer_is_sending:
        return "nothing can be sent while a record of the peer is arriving: the session is half-duplex "
               "(NTLMv1 without extended session security)";
    }
    return "unknown security layer error";
  }
};

template <class Buffer>
void empty(Buffer& buffer) {
  if (buffer.capacity() > kKeptCapacity) {
    Buffer().swap(buffer);
  } else {
    buffer.clear();
  }
}

// What Sendmail's static variable may point at: the text of the layer that handed out more than Sendmail
// took. It is one variable, set by the latest decode(), so one pointer follows it.
std::string* left_over = nullptr;

// Where that text goes when its layer ends before it was read, since Sendmail would read freed memory. Never
// destroyed: the process may still read it while it exits.
std::string& orphan() {
  static auto* const instance = new std::string;
  return *instance;
}

}  // namespace

const boost::system::error_category& category() {
  static const Category instance;
  return instance;
}

Layer::Layer(std::shared_ptr<const crypto::Engine> engine, ntlm::Role role, const ntlm::Outcome& outcome,
             std::optional<session::Framing> framing, OutputRule rule)
    : layer_(std::move(engine), role, outcome, framing, {.send_data = kRecordData}), rule_(rule) {}

Layer::~Layer() {
  wipe(joined_.data(), joined_.size());
  if (left_over == &opened_) {
    spoil_leftovers();
    orphan().swap(opened_);
  }
  wipe(opened_.data(), opened_.size());
}

Result<ByteSpan> Layer::encode(std::span<const ByteSpan> parts) {
  if (const auto error = reason_not_to_send()) return fail(error);
  empty(sealed_);
  layer_.wrap(join(parts), sealed_);
  return ByteSpan(sealed_);
}

ErrorCode Layer::reason_not_to_send() const {
  if (is_dead_) return session::make_error_code(session::errc::layer_dead);
  if (!layer_.framing()) return make_error_code(errc::framing_unknown);
  if (layer_.is_half_duplex() && layer_.has_partial_record()) return make_error_code(errc::peer_is_sending);
  return {};
}

ByteSpan Layer::join(std::span<const ByteSpan> parts) {
  if (parts.size() == 1) return parts.front();
  empty(joined_);
  for (const ByteSpan part : parts) append(joined_, part);
  return joined_;
}

Result<ByteSpan> Layer::decode(ByteSpan wire) {
  if (is_dead_) return session::make_error_code(session::errc::layer_dead);
  if (left_over == &opened_) left_over = nullptr;  // read to its end: Sendmail asks for more only then
  empty(opened_);
  if (const auto opened = layer_.unwrap(wire, opened_); !opened) return fail(opened.error());
  if (rule_ == OutputRule::at_most_4096 && opened_.size() > kSendmailRead)
    return fail(make_error_code(errc::output_too_long));
  if (rule_ == OutputRule::spoil_when_left && opened_.size() > kSendmailRead) left_over = &opened_;
  return as_bytes(opened_);
}

ErrorCode Layer::fail(ErrorCode error) {
  is_dead_ = true;
  return error;
}

void Layer::spoil_leftovers() {
  if (left_over == nullptr) return;
  std::fill(left_over->begin() + kSendmailRead, left_over->end(), '\n');
  left_over = nullptr;
}

}  // namespace smtpseal::sasl
