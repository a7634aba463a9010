// Whole conversations, made by the library's own client, server and security layer: what is read of them.
#include "analyze/session.hpp"

#include <boost/test/unit_test.hpp>

#include "analyze/messages.hpp"
#include "analyze/report_json.hpp"
#include "analyze/report_text.hpp"
#include "frames.hpp"
#include "shared/ntlm/handshake.hpp"
#include "smtpseal/session/security_layer.hpp"
#include "smtpseal/smtp/command.hpp"

using namespace smtpseal;
using namespace smtpseal::analyze;
using namespace smtpseal::testing;

namespace {

// Says lines as two sides of one connection; after seal() through security layers.
class Talk {
 public:
  Talk() { said.has_beginning = true; }

  void say(Side side, std::string_view text) {
    Bytes wire;
    if (layer(side)) {
      layer(side)->wrap(as_bytes(text), wire);
      std::string plain;
      const Side other = side == Side::client ? Side::server : Side::client;
      BOOST_REQUIRE(layer(other)->unwrap(wire, plain).has_value());
    } else {
      append(wire, as_bytes(text));
    }
    said.turns.push_back({side, 0, std::move(wire)});
  }
  void client(std::string_view line) { say(Side::client, std::string(line) + "\r\n"); }
  void server(std::string_view line) { say(Side::server, std::string(line) + "\r\n"); }

  void log_in(const ntlm::ClientPolicy& settings,
              std::optional<session::Framing> framing = session::Framing{}) {
    auto from = make_client(settings);
    auto to = make_server();
    const auto negotiate = from.negotiate().value();
    client("AUTH NTLM " + smtp::to_base64(as_text(negotiate)));
    const auto challenge = to.challenge(negotiate, kNow).value();
    server("334 " + smtp::to_base64(as_text(challenge)));
    const auto authenticate = from.authenticate(challenge, kNow).value();
    client(smtp::to_base64(as_text(authenticate)));
    server("235 2.7.0 welcome");
    BOOST_REQUIRE(to.claim(authenticate).has_value());
    const testing::Account account;
    auto at_server = to.verify(account.secret(), kAnything, kNow).value();
    const auto at_client = from.take_outcome();
    if (!at_client.sealed || !framing) return;
    layers_[0].emplace(shared_engine(), ntlm::Role::client, at_client, framing);
    layers_[1].emplace(shared_engine(), ntlm::Role::server, at_server, std::nullopt);
  }

  Conversation said;

 private:
  std::optional<session::SecurityLayer>& layer(Side side) { return layers_[static_cast<std::size_t>(side)]; }
  std::array<std::optional<session::SecurityLayer>, 2> layers_;
};

const policy::StoredSecret& secret(std::string_view password = "Secret-Pw1") {
  static std::map<std::string, policy::StoredSecret, std::less<>> known;
  if (const auto found = known.find(password); found != known.end()) return found->second;
  auto field = policy::format_secret(*shared_engine(), password, true);
  return known.emplace(password, std::move(*policy::parse_secret(*shared_engine(), field).secret))
      .first->second;
}

std::optional<SessionReport> analyzed(const Talk& talk, std::string_view password = "Secret-Pw1",
                                      const std::string& account = "INTELLINET\\doug") {
  return analyze_session(*shared_engine(), talk.said, {policy::split_account(account), secret(password)});
}

Talk sealed_talk(const ntlm::ClientPolicy& settings, session::Framing framing = {}) {
  Talk talk;
  talk.server("220 here");
  talk.client("EHLO there");
  talk.server("250 AUTH NTLM");
  talk.log_in(settings, framing);
  talk.client("MAIL FROM:<a@b.example>");
  talk.server("250 ok");
  talk.client("QUIT");
  talk.server("221 bye");
  return talk;
}

std::vector<std::string> texts(const std::vector<Line>& lines) {
  std::vector<std::string> all;
  for (const auto& line : lines) all.push_back((line.side == Side::client ? "C: " : "S: ") + line.text);
  return all;
}

std::string printed(const SessionReport& report, bool full = false) {
  std::ostringstream out;
  print_session(out, 1, report, {full});
  return out.str();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(analyze_session_suite)

BOOST_AUTO_TEST_CASE(every_framing_and_strength_is_opened) {
  for (const unsigned bits : {40U, 56U, 128U}) {
    for (const auto& settings : {ntlm::modern_policy(true, bits), ntlm::exchange5_policy(true, bits)}) {
      for (const char* name : {"be-leading", "be-trailing", "le-leading", "le-trailing"}) {
        const auto report = analyzed(sealed_talk(settings, *session::framing_from(name)));
        BOOST_REQUIRE(report.has_value());
        BOOST_TEST(report->is_opened());
        const auto& best = report->attempts.front();
        BOOST_TEST(session::name(best.variant.framing) == name);
        BOOST_TEST(best.variant.key == "as agreed");
        BOOST_TEST(best.progress[0].records == 2U);
        BOOST_TEST(best.progress[1].octets == 17U);
        BOOST_TEST(!report->attempts.at(1).is_whole());
        const std::vector<std::string> want{"C: MAIL FROM:<a@b.example>", "S: 250 ok", "C: QUIT",
                                            "S: 221 bye"};
        BOOST_TEST(texts(report->unsealed) == want, boost::test_tools::per_element());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_password_tries_nothing) {
  const auto report = analyzed(sealed_talk(ntlm::modern_policy(true, 128)), "another");
  BOOST_TEST(!report->logins.at(0).secret_is_right.value());
  BOOST_TEST(report->attempts.empty());
  BOOST_TEST(!report->is_opened());
  BOOST_TEST(verdict(*report).find("the password is wrong") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(accounts_are_compared_without_case_and_any_domain_where_none_is_given) {
  const Talk talk = sealed_talk(ntlm::modern_policy(true, 128));
  BOOST_TEST(!analyzed(talk, "Secret-Pw1", "DOUG")->logins.at(0).is_other_account);
  BOOST_TEST(analyzed(talk, "Secret-Pw1", "OTHER\\doug")->logins.at(0).is_other_account);
  BOOST_TEST(analyzed(talk, "Secret-Pw1", "OTHER\\doug")->is_opened());
}

BOOST_AUTO_TEST_CASE(missing_octets_end_one_direction_with_ess_and_both_without) {
  for (const bool has_ess : {true, false}) {
    Talk talk = sealed_talk(has_ess ? ntlm::modern_policy(true, 128) : ntlm::exchange5_policy(true, 128));
    auto& turns = talk.said.turns;
    turns.at(turns.size() - 2).missing = 5;  // before QUIT
    const auto report = analyzed(talk);
    const auto& best = report->attempts.front();
    BOOST_TEST(!report->is_opened());
    BOOST_TEST(best.progress[0].records == 1U);
    BOOST_TEST(best.progress[0].problem == "5 octets are missing in the capture");
    BOOST_TEST(best.progress[1].is_whole() == has_ess);
  }
}

BOOST_AUTO_TEST_CASE(an_altered_record_is_named_with_its_place) {
  Talk talk = sealed_talk(ntlm::modern_policy(true, 128));
  auto& wire = talk.said.turns.at(talk.said.turns.size() - 2).data;
  wire.back() ^= std::byte{1};
  const auto report = analyzed(talk);
  const auto& client = report->attempts.front().progress[0];
  BOOST_TEST(client.records == 1U);
  BOOST_TEST(client.wire_octets == 20U + 25U);
  BOOST_TEST(client.problem.starts_with("the signature is wrong"));
}

// What a peer with another kind of signature looks like: the one hint there is to what it does.
BOOST_AUTO_TEST_CASE(data_that_read_as_text_under_a_wrong_signature_are_told) {
  Talk talk = sealed_talk(ntlm::modern_policy(true, 128));
  auto& wire = talk.said.turns.at(talk.said.turns.size() - 2).data;
  wire.at(9) ^= std::byte{1};  // in the signature
  const auto problem = analyzed(talk)->attempts.front().progress[0].problem;
  BOOST_TEST(problem.find("the key stream is right") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_side_that_goes_on_in_clear_is_told) {
  Talk talk;
  talk.log_in(ntlm::modern_policy(true, 128), std::nullopt);
  talk.client("MAIL FROM:<a@b.example>");
  const auto report = analyzed(talk);
  BOOST_TEST(!report->is_opened());
  BOOST_TEST(report->notes.back().find("the client goes on in clear") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_login_without_a_seal_is_read_on) {
  Talk talk;
  talk.log_in(ntlm::modern_policy(false, 128));
  talk.client("MAIL FROM:<a@b.example>");
  const auto report = analyzed(talk);
  BOOST_TEST(!report->enters_seal);
  BOOST_TEST(texts(report->clear).back() == "C: MAIL FROM:<a@b.example>");
  BOOST_TEST(verdict(*report) == "nothing is sealed in this session");
}

BOOST_AUTO_TEST_CASE(no_secret_of_the_wire_is_shown) {
  Talk talk;
  talk.client("AUTH PLAIN AGpvZQBzZWNyZXQ=");
  talk.server("535 no");
  talk.client("AUTH LOGIN");
  talk.server("334 VXNlcm5hbWU6");
  talk.client("am9l");
  talk.server("334 UGFzc3dvcmQ6");
  talk.client("c2VjcmV0");
  talk.server("535 no");
  talk.log_in(ntlm::modern_policy(true, 128));
  talk.client("QUIT");
  talk.server("221 bye");
  const auto report = analyzed(talk).value();
  const std::string all = printed(report, true) + to_json(report).dump();
  for (const char* hidden : {"AGpvZQ", "c2VjcmV0", "am9l", "TlRMTVNTUAAD"})
    BOOST_TEST(all.find(hidden) == std::string::npos);
  BOOST_TEST(all.find("AUTH PLAIN <not shown>") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_initial_response_that_is_refused_and_sent_again_is_one_login) {
  Talk talk;
  talk.client("AUTH NTLM " +
              smtp::to_base64(as_text(make_client(ntlm::modern_policy(true, 128)).negotiate().value())));
  talk.server("501 syntax");
  talk.log_in(ntlm::modern_policy(true, 128));
  talk.client("QUIT");
  talk.server("221 bye");
  const auto report = analyzed(talk);
  BOOST_TEST(report->logins.size() == 1U);
  BOOST_TEST(report->logins.at(0).opening.find("501") != std::string::npos);
  BOOST_TEST(report->is_opened());
}

BOOST_AUTO_TEST_CASE(nothing_is_read_behind_starttls) {
  Talk talk;
  talk.client("STARTTLS");
  talk.server("220 go");
  talk.say(Side::client, "\x16\x03\x01 garbage\n");
  const auto report = analyzed(talk);
  BOOST_TEST(texts(report->clear).size() == 2U);
  BOOST_TEST(report->notes.back().find("TLS") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_session_without_a_login_is_none_of_ours) {
  Talk talk;
  talk.client("EHLO a");
  talk.client("AUTH PLAIN");
  BOOST_TEST(!analyzed(talk).has_value());
}

BOOST_AUTO_TEST_CASE(broken_messages_are_said_and_do_no_harm) {
  Talk talk;
  talk.client("AUTH NTLM");
  talk.server("334 ");
  talk.client("TlRMTVNTUAABAAAA");
  talk.server("334 TlRMTVNTUAACAAAA");
  talk.client("TlRMTVNTUAADAAAA");
  talk.server("235 ok");
  talk.say(Side::client, std::string("\xff\x00\n", 3));
  const auto report = analyzed(talk).value();
  BOOST_TEST(!report.logins.at(0).problem.empty());
  BOOST_TEST(!report.logins.at(0).secret_is_right.has_value());
  BOOST_TEST(printed(report).find("\\xff\\x00") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(messages_are_shown_in_part_unless_all_is_asked_for) {
  Talk talk = sealed_talk(ntlm::modern_policy(true, 128));
  talk.client("DATA");
  talk.server("354 go");
  for (int i = 0; i < 30; ++i) talk.client("line " + std::to_string(i));
  talk.client(".");
  talk.server("250 taken");
  talk.client("BDAT 40");
  talk.client("first of the chunk, twenty-seven!");
  talk.client("second");
  const auto report = analyzed(talk).value();
  BOOST_TEST(printed(report).find("line 29") == std::string::npos);
  BOOST_TEST(printed(report).find("... 20 more lines") != std::string::npos);
  BOOST_TEST(printed(report).find("S: 250 taken") != std::string::npos);
  BOOST_TEST(printed(report, true).find("C: line 29") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(escaped_text_keeps_every_octet_apart) {
  BOOST_TEST(escaped("a\\b\x1b[2J\r\xc3\xa4\t") == "a\\\\b\\x1b[2J\\x0d\\xc3\\xa4\t");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(analyze_conversation)

BOOST_AUTO_TEST_CASE(connections_are_told_apart_and_their_order_is_kept) {
  Conversations all({25});
  const auto add = [&](const TcpFrame& frame) {
    const Bytes octets = frame.ipv4();
    all.add(LinkType::raw_ip, octets, octets.size(), 1000);
  };
  add({.sequence = 99, .flags = 0x02});
  add({.from = 25, .to = 40000, .sequence = 499, .flags = 0x12});
  add({.from = 25, .to = 40000, .sequence = 500, .payload = "220\r\n"});
  add({.from = 40001, .sequence = 1, .payload = "middle\r\n"});
  add({.sequence = 100, .payload = "EHLO\r\n"});
  add({.from = 25, .to = 40000, .sequence = 505, .payload = "250\r\n"});
  add({.sequence = 700, .flags = 0x02});  // the same ports anew
  add({.sequence = 701, .payload = "HELO\r\n"});
  add({.from = 40000, .to = 80, .sequence = 1, .payload = "GET"});
  const auto found = all.finish();
  BOOST_REQUIRE(found.size() == 3U);
  BOOST_TEST(found[0].turns.size() == 3U);
  BOOST_TEST(as_text(found[0].turns[0].data) == "220\r\n");
  BOOST_CHECK(found[0].turns[0].side == Side::server);
  BOOST_TEST(found[0].has_beginning);
  BOOST_TEST(!found[1].has_beginning);
  BOOST_TEST(as_text(found[2].turns.at(0).data) == "HELO\r\n");
  BOOST_TEST(all.omissions().packets == 9U);
}

BOOST_AUTO_TEST_CASE(what_is_kept_is_bounded) {
  Conversations few({25}, {.octets = 10, .connections = 1, .stream = {}});
  const Bytes first = TcpFrame{.sequence = 1, .payload = "12345678"}.ipv4();
  few.add(LinkType::raw_ip, first, first.size(), 0);
  BOOST_TEST(!few.omissions().over_limit);
  const Bytes second = TcpFrame{.sequence = 9, .payload = "12345678"}.ipv4();
  few.add(LinkType::raw_ip, second, second.size(), 0);
  BOOST_TEST(few.omissions().over_limit);
  BOOST_TEST(as_text(few.finish().at(0).turns.at(0).data) == "12345678");
}

BOOST_AUTO_TEST_SUITE_END()
