#include <prometheus/text_serializer.h>

#include <boost/test/unit_test.hpp>
#include <set>

#include "relay_metrics.hpp"
#include "smtpseal/control/figures.hpp"

using namespace smtpseal;
using namespace smtpseal::relay;
using session::Protection;

namespace {

struct Fixture {
  prometheus::Registry registry;
  RelayMetrics metrics{registry};

  [[nodiscard]] std::vector<control::Family> families() const {
    const auto text = prometheus::TextSerializer().Serialize(registry.Collect());
    const auto parsed = control::parse_figures(text);
    BOOST_REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
  }
  // The sum over the samples that have these values among their labels.
  [[nodiscard]] double sum(const std::string& name, const std::set<std::string>& values) const {
    double total = 0;
    for (const auto& family : families()) {
      if (family.name != name) continue;
      for (const auto& sample : family.samples)
        if (std::ranges::all_of(values, [&](const auto& value) {
              return std::ranges::any_of(sample.labels,
                                         [&](const auto& label) { return label.second == value; });
            }))
          total += sample.value;
    }
    return total;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(relay_metrics, Fixture)

BOOST_AUTO_TEST_CASE(every_combination_of_labels_is_there_from_the_start) {
  std::size_t messages = 0;
  for (const auto& family : families())
    if (family.name == "smtpseal_messages_total") messages = family.samples.size();
  BOOST_TEST(messages == 2U * 5U * 3U);
}

BOOST_AUTO_TEST_CASE(an_event_counts_under_its_own_labels_and_no_others) {
  metrics.messages(Direction::outbound, Protection::tls, MessageOutcome::refused).Increment();
  metrics.messages(Direction::inbound, Protection::unknown, MessageOutcome::accepted).Increment();
  BOOST_TEST(sum("smtpseal_messages_total", {}) == 2);
  BOOST_TEST(sum("smtpseal_messages_total", {"outbound", "tls", "refused"}) == 1);
  BOOST_TEST(sum("smtpseal_messages_total", {"inbound", "unknown", "accepted"}) == 1);
  metrics.hop_failures(Failure::Reason::dns).Increment();
  metrics.hop_failures(Failure::Reason::out_of_step).Increment();
  BOOST_TEST(sum("smtpseal_hop_failures_total", {"dns"}) == 1);
  BOOST_TEST(sum("smtpseal_hop_failures_total", {"out_of_step"}) == 1);
}

BOOST_AUTO_TEST_CASE(protections_have_the_names_that_logs_and_headers_give_them) {
  const auto& names = metrics::Label<Protection>::values;
  for (std::size_t i = 0; i < names.size(); ++i)
    BOOST_TEST(session::name(static_cast<Protection>(i)) == names[i]);
  BOOST_TEST(static_cast<std::size_t>(Protection::unknown) == names.size() - 1);
}

BOOST_AUTO_TEST_CASE(the_octets_of_a_session_count_once_however_often_it_is_looked_at) {
  OctetCount count(metrics, Direction::inbound);
  session::SessionSecurity security;
  security.octets_sealed = 100;
  security.octets_unsealed = 7;
  count.update(security);
  count.update(security);
  security.octets_sealed = 150;
  count.update(security);
  BOOST_TEST(sum("smtpseal_octets_total", {"inbound", "sealed"}) == 150);
  BOOST_TEST(sum("smtpseal_octets_total", {"inbound", "unsealed"}) == 7);
  BOOST_TEST(sum("smtpseal_octets_total", {"outbound"}) == 0);
}

BOOST_AUTO_TEST_CASE(what_is_present_counts_as_long_as_it_lives) {
  {
    const metrics::Present one(metrics.sessions_open(Direction::inbound));
    const metrics::Present two(metrics.sessions_open(Direction::inbound));
    BOOST_TEST(sum("smtpseal_sessions_open", {"inbound"}) == 2);
  }
  BOOST_TEST(sum("smtpseal_sessions_open", {}) == 0);
}

BOOST_AUTO_TEST_CASE(replies_end_a_message_by_their_class) {
  BOOST_TEST((outcome_of(smtp::Reply(250, "2.0.0", "Ok")) == MessageOutcome::accepted));
  BOOST_TEST((outcome_of(smtp::Reply(451, "4.3.0", "later")) == MessageOutcome::deferred));
  BOOST_TEST((outcome_of(smtp::Reply(554, "5.6.0", "no")) == MessageOutcome::refused));
  BOOST_TEST((outcome_of(smtp::Reply(354, "", "out of step")) == MessageOutcome::deferred));
}

BOOST_AUTO_TEST_CASE(a_certificate_end_is_shown_once_there_is_a_certificate) {
  BOOST_TEST(sum("smtpseal_certificate_not_after_timestamp_seconds", {}) == 0);
  metrics.show_certificate_end(1900000000);
  metrics.show_certificate_end(2000000000);
  BOOST_TEST(sum("smtpseal_certificate_not_after_timestamp_seconds", {}) == 2e9);
}

BOOST_AUTO_TEST_SUITE_END()
