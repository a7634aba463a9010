// The security layer of one connection as libsasl2 wants it: encode() and decode() over buffers that stay
// valid until the next call. Bounded: a partial record of the peer (65556 octets at most), and what one call
// made.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "sasl_api.hpp"
#include "smtpseal/session/security_layer.hpp"

namespace smtpseal::sasl {

// Plaintext octets an application may hand to one encode(), and that go into one record: with length and
// signature a record is 4096 octets, which is what Sendmail reads at once.
inline constexpr unsigned kRecordData = 4096 - session::kLengthSize - ntlm::kSignatureSize;

// What Sendmail's sasl_read() takes of one decode().
inline constexpr std::size_t kSendmailRead = 4096;

// What decode() may hand out at once. Sendmail takes 4096 octets a call and keeps the rest in a static
// variable, which the next connection of the process would read as its own.
enum class OutputRule {
  any,              // a library's buffers have no limit
  at_most_4096,     // a client of the service smtp: replies; more in one call ends the session
  spoil_when_left,  // a server inside Sendmail: message content; see spoil_leftovers()
};

// Why the layer refuses a call, besides session::errc.
enum class errc {
  output_too_long = 1,  // decode(): more than OutputRule::at_most_4096 allows
  framing_unknown,  // encode() on the accepting side before the client's first record: it shows the framing
  peer_is_sending,  // encode() on a half-duplex session with a partial record of the peer: it was sealed
                    // without knowing of ours, and whatever were sealed now could not be read
};
const boost::system::error_category& category();
inline ErrorCode make_error_code(errc e) {
  return {static_cast<int>(e), category()};
}

class Layer {
 public:
  // As for session::SecurityLayer. REQUIRES: `outcome` is sealed.
  Layer(std::shared_ptr<const crypto::Engine> engine, ntlm::Role role, const ntlm::Outcome& outcome,
        std::optional<session::Framing> framing, OutputRule rule);
  ~Layer();
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  // sasl_out_params_t::encode and ::decode without their context. The spans handed out belong to the layer
  // and are valid until its next call of the same kind. encode() makes as few records as it can out of all
  // parts together; decode() takes all of `wire` and yields nothing while no record is complete. Any error is
  // final for both.
  [[nodiscard]] Result<ByteSpan> encode(std::span<const ByteSpan> parts);
  [[nodiscard]] Result<ByteSpan> decode(ByteSpan wire);

  // The application turns to another connection: what the latest decode() of a layer with
  // OutputRule::spoil_when_left handed out beyond 4096 octets is overwritten with line feeds. A server inside
  // Sendmail, which has one connection a process, cannot want it any more, and Sendmail's client skips lines
  // that are no reply, so that what a partner had put there cannot pass for one. The octets stay readable
  // where the layer is gone already. REQUIRES: the process has one thread, where any layer has that rule.
  static void spoil_leftovers();

 private:
  [[nodiscard]] ErrorCode reason_not_to_send() const;
  ByteSpan join(std::span<const ByteSpan> parts);
  ErrorCode fail(ErrorCode error);

  session::SecurityLayer layer_;
  OutputRule rule_;
  bool is_dead_ = false;
  Bytes joined_;
  Bytes sealed_;
  std::string opened_;
};

}  // namespace smtpseal::sasl

template <>
struct boost::system::is_error_code_enum<smtpseal::sasl::errc> : std::true_type {};
