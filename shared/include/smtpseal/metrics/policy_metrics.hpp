// What a daemon shows of its tables.
#pragma once

#include "smtpseal/daemon/policy_holder.hpp"
#include "smtpseal/metrics/metric_set.hpp"

namespace smtpseal::metrics {

class PolicyMetrics {
 public:
  explicit PolicyMetrics(prometheus::Registry& registry);
  // `state` of the tables; `set`: those in use, null where none are.
  void show(const control::TablesState& state, const policy::PolicySet* set);

 private:
  Gauges<> usable_;
  Gauges<> newest_;
  Gauges<> loaded_;
  Gauges<> rules_;
};

}  // namespace smtpseal::metrics
