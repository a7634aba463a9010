#include "facts.hpp"

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace smtpseal;
using namespace smtpseal::milter;
using session::MtaView;
using session::Protection;
using Source = Facts::Source;

BOOST_AUTO_TEST_SUITE(facts)

BOOST_AUTO_TEST_CASE(asks_the_relay_for_both_ends_of_the_connection) {
  test::FakeRelay relay;
  (void)find_facts(relay.ask(), test::client(), MtaView());
  (void)find_facts(relay.ask(), {"", "2001:db8::7", "1", "IPv6:2001:db8::2", "2"}, MtaView());
  BOOST_REQUIRE(relay.keys.size() == 2U);
  BOOST_TEST(relay.keys[0] == "192.0.2.7:40112 192.0.2.2:25");
  BOOST_TEST(relay.keys[1] == "[2001:db8::7]:1 [2001:db8::2]:2");
}

BOOST_AUTO_TEST_CASE(believes_the_relay_before_the_mail_server) {
  test::FakeRelay relay;
  relay.knows(test::sealed("CORP\\MX"));
  const auto facts =
      find_facts(relay.ask(), test::client(), {"PLAIN", "somebody", "", "TLSv1.3", "X", "256"});
  BOOST_TEST((facts.source == Source::relay));
  BOOST_TEST((facts.security.protection == Protection::sealed));
  BOOST_TEST(facts.security.account == "CORP\\MX");
  BOOST_TEST(!facts.security.tls.has_value());
}

BOOST_AUTO_TEST_CASE(believes_the_mail_server_where_the_relay_does_not_know_the_session_or_there_is_none) {
  test::FakeRelay relay;
  const MtaView tls{"", "", "", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "256"};
  for (const auto& ask : {relay.ask(), AskRelay()}) {
    const auto facts = find_facts(ask, test::client(), tls);
    BOOST_TEST((facts.source == Source::mail_server));
    BOOST_TEST((facts.security.protection == Protection::tls));
    BOOST_TEST(facts.security.peer_name == "mail.partner.example");
    BOOST_TEST(facts.security.peer_address == "192.0.2.7");
  }
}

BOOST_AUTO_TEST_CASE(does_not_believe_a_login_that_xclient_tells) {
  test::FakeRelay relay;
  const auto facts = find_facts(relay.ask(), test::client(), {"XCLIENT", "CORP\\MX", "128", "", "", ""});
  BOOST_TEST((facts.security.protection == Protection::none));
  BOOST_TEST(facts.security.account.empty());
}

BOOST_AUTO_TEST_CASE(is_unknown_where_the_relay_cannot_tell) {
  using postfix::SocketmapReply;
  using postfix::SocketmapStatus;
  const Result<SocketmapReply> answers[] = {
      make_error_code(boost::system::errc::timed_out), SocketmapReply{SocketmapStatus::temp, "busy"},
      SocketmapReply{SocketmapStatus::perm, "bad key"}, SocketmapReply{SocketmapStatus::ok, ""},
      SocketmapReply{SocketmapStatus::ok, "sealed; bits=many"}};
  for (const auto& answer : answers) {
    test::FakeRelay relay;
    relay.answer = answer;
    const auto facts = find_facts(relay.ask(), test::client(), {"", "", "", "TLSv1.3", "X", "256"});
    BOOST_TEST((facts.source == Source::nobody));
    BOOST_TEST((facts.security.protection == Protection::unknown));
    BOOST_TEST(!facts.security.unknown_reason.empty());
    BOOST_TEST(facts.security.peer_address == "192.0.2.7");
  }
}

BOOST_AUTO_TEST_CASE(is_unknown_where_the_mail_server_does_not_tell_both_ends) {
  const Peer incomplete[] = {{"a", "192.0.2.7", "0", "192.0.2.2", "25"},
                             {"a", "192.0.2.7", "40112", "", ""},
                             {"a", "192.0.2.7", "40112", "192.0.2.2", ""},
                             {"a", "", "", "192.0.2.2", "25"}};
  for (const auto& peer : incomplete) {
    test::FakeRelay relay;
    relay.knows(test::sealed("CORP\\MX"));
    const auto facts = find_facts(relay.ask(), peer, MtaView());
    BOOST_TEST((facts.source == Source::nobody));
    BOOST_TEST(relay.keys.empty());
    BOOST_TEST((find_facts(AskRelay(), peer, MtaView()).source == Source::mail_server));
  }
}

BOOST_AUTO_TEST_CASE(takes_for_local_only_what_no_client_can_be) {
  const struct {
    Peer peer;
    bool is_local;
  } cases[] = {
      {{"localhost", "127.0.0.1", "0", "", ""}, true},       // Postfix: pickup, sendmail -bs
      {{"localhost", "", "", "", ""}, true},                 // Sendmail -bs
      {{"localhost", "127.0.0.1", "40112", "", ""}, false},  // SMTP from this host
      {{"localhost", "192.0.2.7", "0", "", ""}, false},      // a name is whatever its owner says
      {{"localhost", "192.0.2.7", "40112", "", ""}, false},
      {{"", "", "", "", ""}, false},  // Postfix: the address could not be found
      {{"mail.partner.example", "", "", "", ""}, false},
      {{"localhost", "::1", "0", "", ""}, false},
  };
  for (const auto& [peer, is_local] : cases)
    BOOST_TEST(peer.is_local_submission() == is_local, peer.name << "[" << peer.address << "]:" << peer.port);
}

BOOST_AUTO_TEST_CASE(does_not_ask_about_local_submission) {
  test::FakeRelay relay;
  relay.is_down();
  const Peer peer{"localhost", "127.0.0.1", "0", "", ""};
  const auto facts = find_facts(relay.ask(), peer, MtaView());
  BOOST_TEST((facts.security.protection == Protection::none));
  BOOST_TEST((find_facts_again(facts, relay.ask(), peer, MtaView()).source == Source::mail_server));
  BOOST_TEST(relay.keys.empty());
}

BOOST_AUTO_TEST_CASE(does_not_ask_again_what_did_not_come_through_the_relay) {
  test::FakeRelay relay;
  const auto before = find_facts(relay.ask(), test::client(), MtaView());
  relay.knows(test::sealed("CORP\\MX"));
  const auto after = find_facts_again(before, relay.ask(), test::client(), MtaView());
  BOOST_TEST((after.security.protection == Protection::none));
  BOOST_TEST(relay.keys.size() == 1U);
}

BOOST_AUTO_TEST_CASE(tells_at_the_end_what_the_relay_says_then) {
  test::FakeRelay relay;
  auto security = test::sealed("CORP\\MX");
  security.octets_sealed = 0;
  relay.knows(security);
  const auto before = find_facts(relay.ask(), test::client(), MtaView());
  BOOST_TEST(!before.security.is_proven_sealed());
  relay.knows(test::sealed("CORP\\MX"));
  BOOST_TEST(find_facts_again(before, relay.ask(), test::client(), MtaView()).security.is_proven_sealed());
}

BOOST_AUTO_TEST_CASE(is_unknown_at_the_end_where_the_relay_has_lost_what_it_knew) {
  for (const bool is_down : {false, true}) {
    test::FakeRelay relay;
    relay.knows(test::sealed("CORP\\MX"));
    const auto before = find_facts(relay.ask(), test::client(), MtaView());
    is_down ? relay.is_down() : relay.knows_nothing();
    const auto after =
        find_facts_again(before, relay.ask(), test::client(), {"", "", "", "TLSv1.3", "X", "256"});
    BOOST_TEST((after.source == Source::nobody));
    BOOST_TEST((after.security.protection == Protection::unknown));
    BOOST_TEST(after.security.account.empty());
  }
}

BOOST_AUTO_TEST_CASE(what_was_unknown_is_not_the_mail_servers_to_tell_later) {
  test::FakeRelay relay;
  relay.is_down();
  const auto before = find_facts(relay.ask(), test::client(), MtaView());
  relay.knows_nothing();
  BOOST_TEST((find_facts_again(before, relay.ask(), test::client(), MtaView()).source == Source::nobody));
  relay.knows(test::sealed("CORP\\MX"));
  BOOST_TEST((find_facts_again(before, relay.ask(), test::client(), MtaView()).source == Source::relay));
}

BOOST_AUTO_TEST_SUITE_END()
