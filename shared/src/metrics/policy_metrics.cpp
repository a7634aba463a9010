#include "smtpseal/metrics/policy_metrics.hpp"

namespace smtpseal::metrics {

PolicyMetrics::PolicyMetrics(prometheus::Registry& registry)
    : usable_(registry, "smtpseal_policy_usable",
              "1: tables are in use; 0: none are, and every answer is temporary."),
      newest_(registry, "smtpseal_policy_last_load_successful",
              "1: the tables in use are what was read last; 0: what was read last has a problem."),
      loaded_(registry, "smtpseal_policy_loaded_timestamp_seconds",
              "When the tables in use were read, in seconds since 1970; 0: none are in use."),
      rules_(registry, "smtpseal_policy_rules", "Rules of the domain map in use.") {}

void PolicyMetrics::show(const control::TablesState& state, const policy::PolicySet* set) {
  usable_().Set(set == nullptr ? 0 : 1);
  newest_().Set(state.problem.empty() && set != nullptr ? 1 : 0);
  loaded_().Set(static_cast<double>(state.loaded));
  rules_().Set(set == nullptr ? 0 : static_cast<double>(set->domains.rules().size()));
}

}  // namespace smtpseal::metrics
