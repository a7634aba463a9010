#include "milter_metrics.hpp"

namespace smtpseal::milter {

MilterMetrics::MilterMetrics(prometheus::Registry& registry)
    : messages(registry, "smtpseal_milter_messages_total",
               "Messages by what protected their session and by the verdict of the rules."),
      forged_headers_removed(registry, "smtpseal_forged_headers_removed_total",
                             "Status headers that came from outside and were removed."),
      failures(registry, "smtpseal_milter_failures_total",
               "Messages deferred since they could not be looked at or edited as a whole."),
      connections_open(registry, "smtpseal_connections_open", "Connections that are open now."),
      connections_refused(registry, "smtpseal_connections_refused_total",
                          "Connections refused since the limit that this parameter sets was reached.") {}

}  // namespace smtpseal::milter
