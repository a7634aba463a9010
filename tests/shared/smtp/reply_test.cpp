#include "smtpseal/smtp/reply.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace smtpseal::smtp;

namespace {

Reply parse(const std::vector<std::string>& lines) {
  ReplyParser parser;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto got = parser.feed(lines[i]);
    BOOST_REQUIRE_MESSAGE(got, lines[i]);
    BOOST_REQUIRE(got->has_value() == (i + 1 == lines.size()));
    if (*got) return **got;
  }
  return {};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(smtp_reply)

BOOST_AUTO_TEST_CASE(collects_lines_up_to_the_last) {
  const Reply one = parse({"250 2.1.0 Ok"});
  BOOST_TEST(one.code == 250);
  BOOST_TEST(one.status.empty());
  BOOST_TEST(one.lines == std::vector<std::string>{"2.1.0 Ok"}, boost::test_tools::per_element());

  const Reply many = parse({"250-mail.example", "250-SIZE 0", "250-", "250 HELP"});
  BOOST_TEST(many.lines == (std::vector<std::string>{"mail.example", "SIZE 0", "", "HELP"}),
             boost::test_tools::per_element());

  BOOST_TEST(parse({"250"}).lines == std::vector<std::string>{""}, boost::test_tools::per_element());
  BOOST_TEST(parse({"354 "}).lines == std::vector<std::string>{""}, boost::test_tools::per_element());
  BOOST_TEST(parse({"550 \xc3\xa4\tx"}).lines == std::vector<std::string>{"\xc3\xa4\tx"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(is_ready_for_the_next_reply) {
  ReplyParser parser;
  BOOST_REQUIRE(parser.feed("250-a"));
  BOOST_REQUIRE(*parser.feed("250 b"));
  const auto next = parser.feed("550 c");
  BOOST_REQUIRE(next);
  BOOST_REQUIRE(*next);
  BOOST_TEST((*next)->code == 550);
  BOOST_TEST((*next)->lines.size() == 1U);
}

BOOST_AUTO_TEST_CASE(refuses_a_malformed_line_for_good) {
  for (const std::string_view line :
       {std::string_view(""), std::string_view("2"), std::string_view("25"), std::string_view("25 x"),
        std::string_view("2500 x"), std::string_view("250x"), std::string_view("250\tx"),
        std::string_view(" 250 x"), std::string_view("150 x"), std::string_view("650 x"),
        std::string_view("050 x"), std::string_view("2x0 x"), std::string_view("-50 x"),
        std::string_view("hello"), std::string_view("250 a\x01"), std::string_view("250 a\x7f"),
        std::string_view("250 \0", 5), std::string_view("250 a\rb"), std::string_view("250 a\nb")}) {
    ReplyParser parser;
    BOOST_TEST((parser.feed(line).error() == errc::malformed_reply), line);
    BOOST_TEST((parser.feed("250 ok").error() == errc::parser_finished), line);
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_code_that_changes) {
  for (const std::string_view line : {"251 x", "250x", "550-x"}) {
    ReplyParser parser;
    BOOST_REQUIRE(parser.feed("250-a"));
    BOOST_TEST((parser.feed(line).error() == errc::malformed_reply), line);
  }
}

BOOST_AUTO_TEST_CASE(bounds_the_number_of_lines) {
  ReplyParser parser;
  for (std::size_t i = 0; i < kMaxReplyLines; ++i) BOOST_REQUIRE(parser.feed("250-x"));
  BOOST_TEST((parser.feed("250 x").error() == errc::reply_too_long));
  BOOST_TEST((parser.feed("250 x").error() == errc::parser_finished));
}

BOOST_AUTO_TEST_CASE(tells_the_classes_apart) {
  BOOST_TEST(Reply(250, "", "").is_positive());
  BOOST_TEST(!Reply(354, "", "").is_positive());
  BOOST_TEST(Reply(354, "", "").is_intermediate());
  BOOST_TEST(Reply(451, "", "").is_temporary());
  BOOST_TEST(!Reply(451, "", "").is_permanent());
  BOOST_TEST(Reply(550, "", "").is_permanent());
}

BOOST_AUTO_TEST_CASE(formats_one_and_many_lines) {
  BOOST_TEST(format(Reply(250, "2.0.0", "Ok")) == "250 2.0.0 Ok\r\n");
  BOOST_TEST(format(Reply(354, "", "Go on")) == "354 Go on\r\n");
  BOOST_TEST(format(Reply(250, "2.0.0", "")) == "250 2.0.0\r\n");
  Reply many(250, "", "mail.example");
  many.lines.emplace_back("AUTH NTLM");
  BOOST_TEST(format(many) == "250-mail.example\r\n250 AUTH NTLM\r\n");
  many.status = "2.5.0";
  BOOST_TEST(format(many) == "250-2.5.0 mail.example\r\n250 2.5.0 AUTH NTLM\r\n");
  Reply none;
  none.code = 221;
  BOOST_TEST(format(none) == "221 \r\n");
}

BOOST_AUTO_TEST_CASE(never_lets_text_end_a_line) {
  const std::string got = format(Reply(550, "5.1.1", std::string("a\r\n250 b\0\x7f\tc", 12)));
  BOOST_TEST(got == "550 5.1.1 a??250 b??\tc\r\n");
}

BOOST_AUTO_TEST_CASE(cuts_a_long_line_at_a_character) {
  const std::string long_text(1000, 'x');
  BOOST_TEST(format(Reply(550, "", long_text)) == "550 " + std::string(506, 'x') + "\r\n");
  BOOST_TEST(format(Reply(550, "", long_text.substr(0, 506))).size() == kMaxReplyLine);

  std::string umlauts;
  for (int i = 0; i < 400; ++i) umlauts.append("\xc3\xa4");
  BOOST_TEST(format(Reply(550, "", umlauts)).size() == kMaxReplyLine);
  BOOST_TEST(format(Reply(550, "", "x" + umlauts)).size() == kMaxReplyLine - 1);
  BOOST_TEST(format(Reply(550, "", std::string(1000, '\x80'))).size() == kMaxReplyLine);
}

BOOST_AUTO_TEST_CASE(leaves_a_challenge_of_an_auth_exchange_whole) {
  const std::string challenge(12288 - 6, 'A');
  BOOST_TEST((format(Reply(334, "", challenge)) == "334 " + challenge + "\r\n"));
}

BOOST_AUTO_TEST_CASE(parses_what_it_formats) {
  const std::string text = format(Reply(450, "4.2.0", "later"));
  const Reply back = parse({text.substr(0, text.size() - 2)});
  BOOST_TEST(back.code == 450);
  BOOST_TEST(back.lines.front() == "4.2.0 later");
}

BOOST_AUTO_TEST_CASE(joins_lines_for_logs) {
  Reply reply(550, "5.7.1", "one");
  reply.lines.emplace_back("");
  reply.lines.emplace_back("two");
  BOOST_TEST(reply.one_line() == "550 5.7.1 one two");
  BOOST_TEST(Reply(250, "", "ok").one_line() == "250 ok");
}

BOOST_AUTO_TEST_SUITE_END()
