#include "smtpseal/control/session_list.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal;
using namespace smtpseal::control;

namespace {

SessionInfo example() {
  return {Direction::out,
          "1f2e3d4c5b.2",
          "mx.partner.example[192.0.2.10]",
          "PARTNER\\our name",
          "partner.example",
          session::Protection::sealed,
          128,
          "TLSv1.3",
          17,
          3,
          4096,
          8192,
          Activity::data};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_list)

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  std::vector<SessionInfo> sessions;
  for (const auto activity : {Activity::login, Activity::idle, Activity::mail, Activity::data})
    for (const auto direction : {Direction::in, Direction::out}) {
      sessions.push_back(example());
      sessions.back().activity = activity;
      sessions.back().direction = direction;
    }
  sessions.emplace_back();
  const auto read = parse_sessions(format_sessions(70, sessions));
  BOOST_REQUIRE(read);
  BOOST_TEST(read->total == 70U);
  BOOST_TEST((read->sessions == sessions));
  BOOST_TEST(format_sessions(0, {}) == "total=0");
}

BOOST_AUTO_TEST_CASE(foreign_text_becomes_harmless) {
  SessionInfo info = example();
  info.peer = "a\t\x1b[31m\r\n";
  const auto text = format_sessions(1, {&info, 1});
  BOOST_TEST(text.find_first_of("\x1b\r\n") == std::string::npos);
  BOOST_REQUIRE(parse_sessions(text));
  BOOST_TEST(parse_sessions(text)->sessions.at(0).peer == "a??[31m??");
}

BOOST_AUTO_TEST_CASE(the_list_is_bounded) {
  const std::vector<SessionInfo> many(5000, SessionInfo{});
  const auto some = parse_sessions(format_sessions(many.size(), many));
  BOOST_REQUIRE(some);
  BOOST_TEST(some->total == 5000U);
  BOOST_TEST(some->sessions.size() == kMaxSessions);
  SessionInfo large = example();
  large.account = std::string(5000, '+');
  const std::vector<SessionInfo> large_ones(400, large);
  const auto text = format_sessions(large_ones.size(), large_ones);
  BOOST_TEST(text.size() <= kMaxSessionList);
  BOOST_REQUIRE(parse_sessions(text));
  BOOST_TEST(!parse_sessions(text)->sessions.empty());
}

BOOST_AUTO_TEST_CASE(nothing_but_what_is_written_is_read) {
  const SessionInfo info = example();
  const std::string good = format_sessions(1, {&info, 1});
  for (std::size_t size = 0; size < good.size(); ++size)
    BOOST_TEST((size == std::string("total=1").size() || !parse_sessions(good.substr(0, size))), size);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& bad :
       {good + "\t", good + " ", "\t" + good, good + " more=1", with("direction=out", "direction=up"),
        with("activity=data", "activity=sleep"), with("status=sealed", "status=safe"),
        with("bits=128", "bits=0128"), with("bits=128", "bits=-1"),
        with("seconds=17", "seconds=99999999999999999999"), with("messages=3", "sealed=3"),
        with("tls=TLSv1.3", "tls=+0A"), with("tls=TLSv1.3", "tls=+54LSv1.3")})
    BOOST_TEST(!parse_sessions(bad), bad);
}

BOOST_AUTO_TEST_SUITE_END()
