#include "policyd_metrics.hpp"

#include <algorithm>

namespace smtpseal::policyd {

Map map_of(std::string_view name) {
  const auto& names = metrics::Label<Map>::values;
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? Map::other : static_cast<Map>(found - names.begin());
}

PolicydMetrics::PolicydMetrics(prometheus::Registry& registry)
    : lookups(registry, "smtpseal_lookups_total", "Socketmap lookups by map and answer."),
      requests(registry, "smtpseal_policy_requests_total",
               "Requests of check_policy_service by what was answered."),
      connections_open(registry, "smtpseal_connections_open", "Connections that are open now."),
      connections_refused(registry, "smtpseal_connections_refused_total",
                          "Connections refused since the limit that this parameter sets was reached.") {}

}  // namespace smtpseal::policyd
