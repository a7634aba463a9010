// What the milter counts. Safe from any thread.
#pragma once

#include "smtpseal/metrics/labels.hpp"

namespace smtpseal::milter {

enum class Limit { clients };

}  // namespace smtpseal::milter

namespace smtpseal::metrics {

template <>
struct Label<milter::Limit> {
  static constexpr const char* name = "limit";
  static constexpr std::array values{"milter.client_limit"};
};

}  // namespace smtpseal::metrics

namespace smtpseal::milter {

struct MilterMetrics {
  explicit MilterMetrics(prometheus::Registry& registry);

  metrics::Counters<session::Protection, policy::InboundVerdict::Kind> messages;
  metrics::Counters<> forged_headers_removed;
  metrics::Counters<> failures;
  metrics::Gauges<> connections_open;
  metrics::Counters<Limit> connections_refused;
};

}  // namespace smtpseal::milter
