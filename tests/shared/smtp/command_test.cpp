#include "smtpseal/smtp/command.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace smtpseal::smtp;

namespace {

std::string describe(const smtpseal::Result<Envelope>& envelope) {
  return envelope ? format_envelope("", *envelope) : envelope.error().message();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(smtp_command)

BOOST_AUTO_TEST_CASE(splits_a_line_into_verb_and_argument) {
  const struct {
    std::string_view line;
    Verb verb;
    std::string_view name;
    std::string_view argument;
  } cases[] = {
      {"EHLO mail.example", Verb::ehlo, "EHLO", "mail.example"},
      {"ehlo  mail.example \t", Verb::ehlo, "ehlo", "mail.example"},
      {"Mail FROM:<a@b.example>", Verb::mail, "Mail", "FROM:<a@b.example>"},
      {"QUIT", Verb::quit, "QUIT", ""},
      {"QUIT ", Verb::quit, "QUIT", ""},
      {"LHLO x", Verb::lhlo, "LHLO", "x"},
      {"XAUTH NTLM", Verb::xauth, "XAUTH", "NTLM"},
      {"XEXCH50 1 2", Verb::xexch50, "XEXCH50", "1 2"},
      {"XCLIENT ADDR=192.0.2.1", Verb::xclient, "XCLIENT", "ADDR=192.0.2.1"},
      {"", Verb::unknown, "", ""},
      {" QUIT", Verb::unknown, "", "QUIT"},
      {"QUITS", Verb::unknown, "QUITS", ""},
      {"QUI", Verb::unknown, "QUI", ""},
      {"QUIT\tx", Verb::unknown, "QUIT\tx", ""},
      {"EHLO:x", Verb::unknown, "EHLO:x", ""},
  };
  for (const auto& test : cases) {
    const Command got = parse_command(test.line);
    BOOST_TEST((got.verb == test.verb), test.line);
    BOOST_TEST(got.name == test.name);
    BOOST_TEST(got.argument == test.argument);
  }
}

BOOST_AUTO_TEST_CASE(names_every_verb_as_it_is_parsed) {
  for (int i = 0; i < static_cast<int>(Verb::unknown); ++i) {
    const auto verb = static_cast<Verb>(i);
    BOOST_TEST((parse_command(name(verb)).verb == verb), name(verb));
  }
  BOOST_TEST((parse_command(name(Verb::unknown)).verb == Verb::unknown));
}

BOOST_AUTO_TEST_CASE(takes_every_form_of_path_as_written) {
  const std::string_view paths[] = {
      "a@b.example",
      "A.B+tag@SUB.Example.COM",
      "\"a b\"@c.example",
      "\"a>b\"@c.example",
      "\"a\\\"b\\\\\"@c.example",
      "\"\"@c.example",
      "\"a@b.example\"@c.example",
      "x.\"y z\"@c.example",
      "@relay.example:a@b.example",
      "@r1.example,@r2.example:a@b.example",
      "a@[192.0.2.1]",
      "a@[IPv6:2001:db8::1]",
      "a%b.example@c.example",
      "b.example!a@c.example",
      "IMCEAEX-_O=ORG_OU=SITE+20x/cn@b.example",
      "a..b.@c.example",
      "j\xc3\xb6rg@d\xc3\xb6m.example",
      "a@b.example.",
      "a@b",
  };
  for (const std::string_view path : paths) {
    const std::string bracketed = "<" + std::string(path) + ">";
    for (const auto& got : {parse_mail("FROM:" + bracketed), parse_rcpt("TO:" + bracketed)}) {
      BOOST_REQUIRE_MESSAGE(got, path << ": " << describe(got));
      BOOST_TEST(got->path == path);
      BOOST_TEST(got->parameters.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(takes_the_null_path_in_mail_only) {
  const auto sender = parse_mail("FROM:<>");
  BOOST_REQUIRE(sender);
  BOOST_TEST(sender->path.empty());
  BOOST_TEST((parse_rcpt("TO:<>").error() == errc::bad_path));
}

BOOST_AUTO_TEST_CASE(takes_a_local_part_alone) {
  const auto recipient = parse_rcpt("TO:<PostMaster>");
  BOOST_REQUIRE(recipient);
  BOOST_TEST(recipient->path == "PostMaster");
  BOOST_TEST(parse_mail("FROM:<root>")->path == "root");
  BOOST_TEST((parse_rcpt("TO:<>").error() == errc::bad_path));
}

BOOST_AUTO_TEST_CASE(forgives_case_and_blanks_around_the_path) {
  for (const std::string_view argument :
       {"from:<a@b.example> Size=1", "FROM: <a@b.example> size=1", "From:\t <a@b.example>\tSIZE=1 "}) {
    const auto got = parse_mail(argument);
    BOOST_REQUIRE_MESSAGE(got, describe(got));
    BOOST_TEST(format_envelope("MAIL FROM:", *got) == "MAIL FROM:<a@b.example> SIZE=1");
  }
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_path) {
  const struct {
    std::string argument;
    errc error;
  } cases[] = {
      {"", errc::bad_syntax},
      {"FROM", errc::bad_syntax},
      {"FROM :<a@b.example>", errc::bad_syntax},
      {"TO:<a@b.example>", errc::bad_syntax},
      {"FROM:<a@b.example>SIZE=1", errc::bad_syntax},
      {"FROM:<a@b.example><c@d.example>", errc::bad_syntax},
      {"FROM:", errc::bad_path},
      {"FROM:a@b.example", errc::bad_path},
      {"FROM:<", errc::bad_path},
      {"FROM:<a@b.example", errc::bad_path},
      {"FROM:<a b@c.example>", errc::bad_path},
      {"FROM:<a@b.example >", errc::bad_path},
      {"FROM:< a@b.example>", errc::bad_path},
      {"FROM:<<a@b.example>>", errc::bad_path},
      {"FROM:<a@>", errc::bad_path},
      {"FROM:<@b.example>", errc::bad_path},
      {"FROM:<@b.example:>", errc::bad_path},
      {"FROM:<@b.example,c.example:a@d.example>", errc::bad_path},
      {"FROM:<@b.example a@d.example>", errc::bad_path},
      {"FROM:<a@b@c.example>", errc::bad_path},
      {"FROM:<a\\>b@c.example>", errc::bad_path},
      {"FROM:<a\\@b@c.example>", errc::bad_path},
      {"FROM:<a,b@c.example>", errc::bad_path},
      {"FROM:<a(x)@c.example>", errc::bad_path},
      {"FROM:<\"a@c.example>", errc::bad_path},
      {"FROM:<\"a\\\"@c.example>", errc::bad_path},
      {"FROM:<\"a\x01\"@c.example>", errc::bad_path},
      {"FROM:<a\x7f@c.example>", errc::bad_path},
      {"FROM:<a@[192.0.2.1>", errc::bad_path},
      {"FROM:<a@[]>", errc::bad_path},
      {"FROM:<a@[x]y>", errc::bad_path},
      {"FROM:<a@b\"c\".example>", errc::bad_path},
      {"FROM:<a@b.example\\>", errc::bad_path},
      {std::string("FROM:<a\0@b.example>", 19), errc::bad_path},
  };
  for (const auto& test : cases) {
    const auto got = parse_mail(test.argument);
    BOOST_TEST(!got, test.argument);
    if (!got) BOOST_TEST((got.error() == test.error), test.argument << ": " << got.error().message());
  }
}

BOOST_AUTO_TEST_CASE(never_takes_a_path_that_was_cut) {
  const std::string whole = "FROM:<@r.example:\"a > b\".c@[192.0.2.1]>";
  BOOST_REQUIRE(parse_mail(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    BOOST_TEST(!parse_mail(whole.substr(0, size)), size);
  }
}

BOOST_AUTO_TEST_CASE(takes_parameters_and_finds_them_by_keyword) {
  const auto got = parse_mail("FROM:<a@b.example> SIZE=1460 ret=FULL SMTPUTF8 AUTH=<> X-Y=\xc3\xa4");
  BOOST_REQUIRE(got);
  BOOST_REQUIRE(got->parameters.size() == 5U);
  BOOST_REQUIRE(got->find("Size") != nullptr);
  BOOST_TEST(got->find("SIZE")->value == "1460");
  BOOST_TEST(got->find("RET")->value == "FULL");
  BOOST_TEST(!got->find("SMTPUTF8")->has_value);
  BOOST_TEST(got->find("AUTH")->value == "<>");
  BOOST_TEST(got->find("BODY") == nullptr);
}

BOOST_AUTO_TEST_CASE(refuses_bad_parameters) {
  for (const std::string_view parameters :
       {"SIZE=", "=1", "SI_ZE=1", "-SIZE=1", "SIZE=1=2", "SIZE=\x01", "SIZE=1 SIZE=1", "SIZE=1 size",
        "\xc3\xa4=1", "A=\"b c\" C\"=d"}) {
    const auto got = parse_rcpt("TO:<a@b.example> " + std::string(parameters));
    BOOST_TEST(!got, parameters);
    if (!got) BOOST_TEST((got.error() == errc::bad_parameter), parameters);
  }
}

BOOST_AUTO_TEST_CASE(bounds_the_number_of_parameters) {
  std::string argument = "FROM:<>";
  for (std::size_t i = 0; i < kMaxParameters; ++i) argument.append(" K").append(std::to_string(i));
  BOOST_TEST(parse_mail(argument).has_value());
  BOOST_TEST((parse_mail(argument + " ONEMORE").error() == errc::bad_parameter));
}

BOOST_AUTO_TEST_CASE(formats_what_it_parsed) {
  for (const std::string_view argument : {"TO:<a@b.example>", "TO:<\"a b\"@c.example> NOTIFY=NEVER",
                                          "TO:<@r:a@b> ORCPT=rfc822;a+2Bb@c NOTIFY=NEVER"}) {
    const auto got = parse_rcpt(argument);
    BOOST_REQUIRE(got);
    BOOST_TEST(format_envelope("TO:", *got) == argument);
  }
}

BOOST_AUTO_TEST_CASE(parses_bdat) {
  const struct {
    std::string_view argument;
    std::uint64_t size;
    bool last;
  } cases[] = {{"0", 0, false},
               {"0 LAST", 0, true},
               {"86 last", 86, true},
               {"18446744073709551615", UINT64_MAX, false}};
  for (const auto& test : cases) {
    const auto got = parse_bdat(test.argument);
    BOOST_REQUIRE(got);
    BOOST_TEST(got->size == test.size);
    BOOST_TEST(got->last == test.last);
  }
  for (const std::string_view argument :
       {"", "LAST", "-1", "+1", "1x", "0x10", "1 LASTS", "1 LAST x", "1 2"}) {
    BOOST_TEST((parse_bdat(argument).error() == errc::bad_syntax), argument);
  }
  BOOST_TEST((parse_bdat("18446744073709551616").error() == errc::bad_parameter));
}

BOOST_AUTO_TEST_SUITE_END()
