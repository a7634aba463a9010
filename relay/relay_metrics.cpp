#include "relay_metrics.hpp"

#include <utility>

namespace smtpseal::relay {
namespace {

prometheus::Histogram& histogram(prometheus::Registry& registry, const char* name, const char* help,
                                 const prometheus::Histogram::BucketBoundaries& buckets) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, buckets);
}

}  // namespace

MessageOutcome outcome_of(const smtp::Reply& reply) {
  if (reply.is_positive()) return MessageOutcome::accepted;
  return reply.is_permanent() ? MessageOutcome::refused : MessageOutcome::deferred;
}

RelayMetrics::RelayMetrics(prometheus::Registry& registry)
    : sessions(
          registry, "smtpseal_sessions_total",
          "SMTP sessions by what protected them: outbound when they are ready for mail, inbound when they "
          "end."),
      sessions_open(registry, "smtpseal_sessions_open", "SMTP sessions that are open now."),
      hop_failures(registry, "smtpseal_hop_failures_total",
                   "Attempts to hand mail to a next hop that failed before it could say yes or no to it."),
      logins(registry, "smtpseal_logins_total",
             "Logins: outbound in which the credential was shown, inbound that were begun."),
      messages(
          registry, "smtpseal_messages_total",
          "Messages (outbound: one for each domain of the recipients) by what protected the session, none "
          "where there was no session, and by what became of them."),
      octets(registry, "smtpseal_octets_total", "Octets sent (sealed) and received (unsealed) in seals."),
      senders(registry, "smtpseal_senders_total", "Senders of inbound messages as the rules judge them."),
      connections_refused(registry, "smtpseal_connections_refused_total",
                          "Connections refused since the limit that this parameter sets was reached."),
      holds(registry, "smtpseal_holds", "Accounts that are not tried now, since a login failed."),
      hop_open_seconds(histogram(registry, "smtpseal_hop_open_seconds",
                                 "From the lookup of a next hop to a session with it that is ready for mail.",
                                 {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120})),
      delivery_seconds(
          histogram(registry, "smtpseal_delivery_seconds",
                    "From the first recipient at a next hop to its reply to the end of the message.",
                    {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600})),
      certificate_end_(prometheus::BuildGauge()
                           .Name("smtpseal_certificate_not_after_timestamp_seconds")
                           .Help("When the relay's own certificate ends, in seconds since 1970.")
                           .Register(registry)) {}

void RelayMetrics::show_certificate_end(std::int64_t not_after) {
  certificate_end_.Add({}).Set(static_cast<double>(not_after));
}

void OctetCount::update(const session::SessionSecurity& security) {
  metrics_.octets(direction_, Way::sealed)
      .Increment(
          static_cast<double>(security.octets_sealed - std::exchange(sealed_, security.octets_sealed)));
  metrics_.octets(direction_, Way::unsealed)
      .Increment(
          static_cast<double>(security.octets_unsealed - std::exchange(unsealed_, security.octets_unsealed)));
}

}  // namespace smtpseal::relay
