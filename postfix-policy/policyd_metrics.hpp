// What the policy daemon counts.
#pragma once

#include "smtpseal/metrics/metric_set.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace smtpseal::policyd {

enum class Map { transport, mailertable, smtpseal, query, other };
// The map of that name.
[[nodiscard]] Map map_of(std::string_view name);

// What Postfix is told; unanswered: nothing, since there are no usable tables.
enum class PolicyAnswer { pass, report, refuse, defer, no_relaying, unanswered };

enum class Limit { clients };

}  // namespace smtpseal::policyd

namespace smtpseal::metrics {

template <>
struct Label<policyd::Map> {
  static constexpr const char* name = "map";
  static constexpr std::array values{"transport", "mailertable", "smtpseal", "query", "other"};
};

template <>
struct Label<postfix::SocketmapStatus> {
  static constexpr const char* name = "answer";
  static constexpr std::array values{"ok", "notfound", "temp", "perm"};
};

template <>
struct Label<policyd::PolicyAnswer> {
  static constexpr const char* name = "verdict";
  static constexpr std::array values{"pass", "report", "refuse", "defer", "no_relaying", "unanswered"};
};

template <>
struct Label<policyd::Limit> {
  static constexpr const char* name = "limit";
  static constexpr std::array values{"policyd.client_limit"};
};

}  // namespace smtpseal::metrics

namespace smtpseal::policyd {

struct PolicydMetrics {
  explicit PolicydMetrics(prometheus::Registry& registry);

  metrics::Counters<Map, postfix::SocketmapStatus> lookups;
  metrics::Counters<PolicyAnswer> requests;
  metrics::Gauges<> connections_open;
  metrics::Counters<Limit> connections_refused;
};

}  // namespace smtpseal::policyd
