// The labels that daemons have in common.
#pragma once

#include "smtpseal/metrics/metric_set.hpp"
#include "smtpseal/policy/inbound.hpp"
#include "smtpseal/session/session_security.hpp"

namespace smtpseal::metrics {

template <>
struct Label<session::Protection> {
  static constexpr const char* name = "protection";
  static constexpr std::array values{"none", "tls", "authenticated", "sealed", "unknown"};
};

template <>
struct Label<policy::InboundVerdict::Kind> {
  static constexpr const char* name = "verdict";
  static constexpr std::array values{"pass", "report", "refuse", "defer"};
};

}  // namespace smtpseal::metrics
