#include "session.hpp"

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace smtpseal;
using namespace smtpseal::milter;
using session::MtaView;
using session::Protection;
using Kind = policy::InboundVerdict::Kind;

namespace {

constexpr const char* kDomains =
    "two-way.example  seal account=CORP\\MX inbound=require inbound_account=PARTNER\n"
    "trial.example    seal account=CORP\\MX inbound=require inbound_account=PARTNER mode=report\n";
constexpr const char* kAccounts = "PARTNER password1 domains=two-way.example,trial.example\n";

// A session whose relay answers what the test says.
struct Fixture {
  explicit Fixture(const std::string& exempt_networks = "[]")
      : set(test::tables(kDomains, kAccounts)),
        settings(test::settings(exempt_networks)),
        session(settings, relay.ask()) {
    session.begin(test::client());
  }

  policy::InboundVerdict mail(const std::string& sender) { return session.on_mail(set, sender, view); }
  // A whole message; what its end is.
  Ending message(const std::string& sender) {
    BOOST_TEST((mail(sender).kind == Kind::pass));
    return session.on_end();
  }

  test::FakeRelay relay;
  MtaView view;
  std::shared_ptr<const policy::PolicySet> set;
  SessionSettings settings;
  Session session;
};

std::string field(const Ending& ending, std::string_view name) {
  std::string found;
  for (const auto& insertion : ending.insertions) {
    if (insertion.name != name) continue;
    BOOST_TEST(found.empty());
    found = insertion.value;
  }
  return found;
}

std::string status_of(const Ending& ending) {
  return field(ending, "X-SmtpSeal-Status");
}

std::string results_of(const Ending& ending) {
  return field(ending, "Authentication-Results");
}

bool contains(const std::string& text, const std::string& part) {
  return policy::test::contains(text, part);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(milter_session)

BOOST_AUTO_TEST_CASE(stamps_every_message_with_both_fields_status_on_top) {
  Fixture with;
  const auto ending = with.message("<a@other.example>");
  BOOST_REQUIRE(ending.insertions.size() == 2U);
  BOOST_TEST(ending.insertions.back().name == "X-SmtpSeal-Status");  // put on top last
  BOOST_TEST(contains(status_of(ending), "none;"));
  BOOST_TEST(contains(status_of(ending), "by=mx.example.com"));
  BOOST_TEST(contains(status_of(ending), "mail.partner.example[192.0.2.7]"));
  BOOST_TEST(results_of(ending).starts_with("mx.example.com; auth=none"));
  BOOST_TEST(ending.removals.empty());
}

BOOST_AUTO_TEST_CASE(stamps_what_the_relay_says_at_the_end) {
  Fixture with;
  auto security = test::sealed("CORP\\PARTNER");
  security.octets_sealed = 0;
  with.relay.knows(security);
  BOOST_TEST((with.mail("<a@two-way.example>").kind == Kind::pass));
  with.relay.knows(test::sealed("CORP\\PARTNER"));
  const auto ending = with.session.on_end();
  BOOST_TEST(status_of(ending).starts_with("sealed; mech=NTLM; auth=NTLMv2; cipher=RC4; bits=128;"));
  BOOST_TEST(contains(results_of(ending), "auth=pass"));
  BOOST_TEST(contains(results_of(ending), "smtp.auth=PARTNER"));
}

BOOST_AUTO_TEST_CASE(leaves_the_account_out_where_it_must_not_be_shown) {
  Fixture with;
  with.settings.show_account = status::ShowAccount::no;
  with.relay.knows(test::sealed("CORP\\PARTNER"));
  const auto ending = with.message("<a@two-way.example>");
  BOOST_TEST(!contains(status_of(ending), "PARTNER"));
  BOOST_TEST(!contains(results_of(ending), "PARTNER"));
  BOOST_TEST(ending.security.account == "CORP\\PARTNER");  // for the log
}

BOOST_AUTO_TEST_CASE(keeps_long_stamps_within_lines) {
  Fixture with;
  with.relay.knows(test::sealed(std::string(200, 'x')));
  const auto ending = with.message("<a@other.example>");
  BOOST_TEST(contains(status_of(ending), "\n\t"));
  BOOST_TEST(!contains(status_of(ending), "\r"));
}

BOOST_AUTO_TEST_CASE(judges_the_sender_without_its_brackets) {
  for (const char* sender : {"<a@two-way.example>", "a@two-way.example", "<a@TWO-way.example.>"}) {
    Fixture with;
    const auto verdict = with.mail(sender);
    BOOST_TEST((verdict.kind == Kind::refuse), sender);
    BOOST_TEST(verdict.reply.code == 550);
    BOOST_TEST(verdict.reply.status == "5.7.1");
    BOOST_TEST(verdict.domain == "two-way.example");
  }
  Fixture with;
  BOOST_TEST((with.mail("<>").kind == Kind::pass));
  BOOST_TEST((with.mail("").kind == Kind::pass));
  BOOST_TEST((with.mail("<").kind == Kind::refuse));
}

BOOST_AUTO_TEST_CASE(defers_everything_without_usable_tables) {
  for (const auto& peer : {test::client(), Peer{"localhost", "127.0.0.1", "0", "", ""}}) {
    Fixture with("[\"192.0.2.0/24\"]");
    with.session.begin(peer);
    with.set = nullptr;
    const auto verdict = with.mail("<a@other.example>");
    BOOST_TEST((verdict.kind == Kind::defer));
    BOOST_TEST(verdict.reply.code == 451);
    BOOST_TEST(verdict.reply.status == "4.3.5");
    BOOST_TEST((with.session.on_end().verdict.kind == Kind::defer));
  }
}

BOOST_AUTO_TEST_CASE(keeps_the_tables_of_mail_until_the_end) {
  Fixture with;
  BOOST_TEST((with.mail("<a@other.example>").kind == Kind::pass));
  with.set = test::tables("other.example seal account=CORP\\MX inbound=require\n", kAccounts);
  BOOST_TEST((with.session.on_end().verdict.kind == Kind::pass));
  BOOST_TEST((with.mail("<a@other.example>").kind == Kind::refuse));
}

BOOST_AUTO_TEST_CASE(defers_where_a_rule_needs_protection_and_the_relay_cannot_be_asked) {
  Fixture with;
  with.relay.is_down();
  const auto verdict = with.mail("<a@two-way.example>");
  BOOST_TEST((verdict.kind == Kind::defer));
  BOOST_TEST(verdict.reply.code == 451);
  const auto ending = with.message("<a@other.example>");
  BOOST_TEST(status_of(ending).starts_with("unknown;"));
  BOOST_TEST(contains(results_of(ending), "auth=temperror"));
}

BOOST_AUTO_TEST_CASE(defers_at_the_end_where_the_relay_has_lost_a_session_that_a_rule_needs) {
  Fixture with;
  for (const bool is_down : {false, true}) {
    with.relay.knows(test::sealed("PARTNER"));
    BOOST_TEST((with.mail("<a@two-way.example>").kind == Kind::pass));
    is_down ? with.relay.is_down() : with.relay.knows_nothing();
    const auto ending = with.session.on_end();
    BOOST_TEST((ending.verdict.kind == Kind::defer));
    BOOST_TEST(ending.insertions.empty());
  }
  with.relay.knows(test::sealed("PARTNER"));
  BOOST_TEST((with.mail("<>").kind == Kind::pass));
  with.relay.is_down();
  BOOST_TEST(status_of(with.session.on_end()).starts_with("unknown;"));
}

BOOST_AUTO_TEST_CASE(reports_instead_of_refusing_where_the_rule_says_so) {
  Fixture with;
  const auto verdict = with.mail("<a@trial.example>");
  BOOST_TEST((verdict.kind == Kind::report));
  const auto ending = with.session.on_end();
  BOOST_TEST((ending.verdict.kind == Kind::report));
  BOOST_TEST(contains(status_of(ending), "would-reject="));
  with.relay.knows(test::sealed("PARTNER"));
  BOOST_TEST(!contains(status_of(with.message("<a@trial.example>")), "would-reject="));
}

BOOST_AUTO_TEST_CASE(does_not_judge_local_submission) {
  Fixture with;
  with.session.begin({"localhost", "127.0.0.1", "0", "", ""});
  with.relay.is_down();
  const auto ending = with.message("<a@two-way.example>");
  BOOST_TEST(status_of(ending) == "none; by=mx.example.com");
  BOOST_TEST(with.relay.keys.empty());
}

BOOST_AUTO_TEST_CASE(does_not_judge_exempt_clients_that_did_not_come_through_the_relay) {
  Fixture with("[\"192.0.2.0/24\", \"::1/128\"]");
  with.view = {"", "", "", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "256"};
  BOOST_TEST(status_of(with.message("<a@two-way.example>")).starts_with("tls;"));
  with.session.begin(test::client("::1"));
  BOOST_TEST((with.mail("<a@two-way.example>").kind == Kind::pass));
  with.session.begin(test::client("198.51.100.7"));
  BOOST_TEST((with.mail("<a@two-way.example>").kind == Kind::refuse));
}

BOOST_AUTO_TEST_CASE(judges_exempt_clients_that_came_through_the_relay_or_may_have) {
  Fixture with("[\"192.0.2.0/24\"]");
  with.relay.knows(test::sealed("SOMEBODY"));
  BOOST_TEST((with.mail("<a@two-way.example>").kind == Kind::refuse));
  with.relay.is_down();
  BOOST_TEST((with.mail("<a@two-way.example>").kind == Kind::defer));
}

BOOST_AUTO_TEST_CASE(messages_of_one_session_inherit_nothing) {
  Fixture with;
  with.relay.knows(test::sealed("PARTNER"));
  BOOST_TEST((with.mail("<a@trial.example>").kind == Kind::pass));
  with.session.on_header("X-SmtpSeal-Status", "forged");
  BOOST_TEST(with.session.on_end().removals.size() == 1U);

  with.relay.knows_nothing();
  BOOST_TEST((with.mail("<a@two-way.example>").kind == Kind::refuse));
  const auto report = with.mail("<a@trial.example>");
  BOOST_TEST((report.kind == Kind::report));
  with.session.on_header("X-SmtpSeal-Status", "forged");
  with.session.reset();

  const auto ending = with.message("<a@other.example>");
  BOOST_TEST(ending.removals.empty());
  BOOST_TEST(status_of(ending).starts_with("none;"));
  BOOST_TEST(!contains(status_of(ending), "would-reject="));
}

BOOST_AUTO_TEST_CASE(a_new_connection_forgets_the_message_and_the_peer_of_the_one_before) {
  Fixture with;
  BOOST_TEST((with.mail("<a@other.example>").kind == Kind::pass));
  with.session.begin(test::client("198.51.100.9", "7"));
  BOOST_TEST(with.session.sender().empty());
  with.message("<a@other.example>");
  BOOST_TEST(with.relay.keys.back() == "198.51.100.9:7 192.0.2.2:25");
}

BOOST_AUTO_TEST_CASE(a_second_mail_begins_anew) {
  Fixture with;
  BOOST_TEST((with.mail("<a@other.example>").kind == Kind::pass));
  with.session.on_header("X-SmtpSeal-Status", "forged");
  BOOST_TEST(with.message("<b@other.example>").removals.empty());
}

BOOST_AUTO_TEST_CASE(an_end_without_a_beginning_is_deferred) {
  Fixture with;
  with.session.on_header("X-SmtpSeal-Status", "forged");
  BOOST_TEST((with.session.on_end().verdict.kind == Kind::defer));
  with.message("<a@other.example>");
  const auto ending = with.session.on_end();
  BOOST_TEST((ending.verdict.kind == Kind::defer));
  BOOST_TEST(ending.verdict.reply.code == 451);
}

BOOST_AUTO_TEST_CASE(refuses_a_message_with_too_many_forged_fields) {
  Fixture with;
  BOOST_TEST((with.mail("<a@other.example>").kind == Kind::pass));
  for (int i = 0; i < 101; ++i) with.session.on_header("X-SmtpSeal-Status", "forged");
  const auto ending = with.session.on_end();
  BOOST_TEST((ending.verdict.kind == Kind::refuse));
  BOOST_TEST(ending.verdict.reply.code == 550);
  BOOST_TEST(ending.verdict.reply.status == "5.7.1");
  BOOST_TEST(ending.removals.empty());
  BOOST_TEST(ending.insertions.empty());
}

BOOST_AUTO_TEST_CASE(removes_its_own_fields_from_local_submission_too) {
  Fixture with;
  with.session.begin({"localhost", "", "", "", ""});
  BOOST_TEST((with.mail("<>").kind == Kind::pass));
  with.session.on_header("Authentication-Results", "mx.example.com; auth=pass");
  BOOST_TEST(with.session.on_end().removals.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
