// What the relay counts. One object for the whole relay; it outlives all sessions.
#pragma once

#include <prometheus/histogram.h>

#include "outbound/failure.hpp"
#include "outbound/login.hpp"
#include "smtpseal/metrics/labels.hpp"

namespace smtpseal::relay {

enum class Direction { inbound, outbound };
enum class MessageOutcome { accepted, deferred, refused };
enum class Way { sealed, unsealed };
enum class Limit { lmtp_clients, sessions, sessions_of_address };

}  // namespace smtpseal::relay

namespace smtpseal::metrics {

template <>
struct Label<relay::Direction> {
  static constexpr const char* name = "direction";
  static constexpr std::array values{"inbound", "outbound"};
};

template <>
struct Label<relay::Failure::Reason> {
  static constexpr const char* name = "reason";
  static constexpr std::array values{
      "dns",      "connect", "greeting",      "tls",  "auth_not_offered", "login_refused", "login_unanswered",
      "too_weak", "held",    "no_credential", "lost", "seal_broken",      "out_of_step"};
};

template <>
struct Label<relay::LoginOutcome> {
  static constexpr const char* name = "outcome";
  static constexpr std::array values{"succeeded", "refused", "unfinished"};
};

template <>
struct Label<relay::MessageOutcome> {
  static constexpr const char* name = "outcome";
  static constexpr std::array values{"accepted", "deferred", "refused"};
};

template <>
struct Label<relay::Way> {
  static constexpr const char* name = "way";
  static constexpr std::array values{"sealed", "unsealed"};
};

template <>
struct Label<relay::Limit> {
  static constexpr const char* name = "limit";
  static constexpr std::array values{"relay.lmtp_client_limit", "relay.session_limit",
                                     "relay.session_limit_per_address"};
};

}  // namespace smtpseal::metrics

namespace smtpseal::relay {

// Of a reply that ends a message.
[[nodiscard]] MessageOutcome outcome_of(const smtp::Reply& reply);

struct RelayMetrics {
  explicit RelayMetrics(prometheus::Registry& registry);

  metrics::Counters<Direction, session::Protection> sessions;
  metrics::Gauges<Direction> sessions_open;
  metrics::Counters<Failure::Reason> hop_failures;
  metrics::Counters<Direction, LoginOutcome> logins;
  metrics::Counters<Direction, session::Protection, MessageOutcome> messages;
  metrics::Counters<Direction, Way> octets;
  metrics::Counters<policy::InboundVerdict::Kind> senders;
  metrics::Counters<Limit> connections_refused;
  metrics::Gauges<> holds;
  prometheus::Histogram& hop_open_seconds;
  prometheus::Histogram& delivery_seconds;

  // Of the relay's own certificate, in seconds since 1970. Not there before it has one.
  void show_certificate_end(std::int64_t not_after);

 private:
  prometheus::Family<prometheus::Gauge>& certificate_end_;
};

// Adds what went through the seal of one session to the counters, as often as it is told.
class OctetCount {
 public:
  OctetCount(const RelayMetrics& metrics, Direction direction) : metrics_(metrics), direction_(direction) {}
  void update(const session::SessionSecurity& security);

 private:
  const RelayMetrics& metrics_;
  Direction direction_;
  std::uint64_t sealed_ = 0;
  std::uint64_t unsealed_ = 0;
};

}  // namespace smtpseal::relay
