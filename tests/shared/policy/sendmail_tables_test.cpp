#include "smtpseal/policy/sendmail_tables.hpp"

#include <boost/test/unit_test.hpp>
#include <random>

#include "fixture.hpp"

namespace smtpseal::policy {
namespace {

using postfix::SocketmapStatus;
using test::contains;
using test::policy_set;

const MailerNames kMailers{"smtpseal", "smtpseal7"};

constexpr auto kRules =
    "partner.example seal account=a\n"
    ".partner.example seal account=a\n"
    ".internal.partner.example none\n"
    "x.internal.partner.example auth account=b\n"
    "legacy.example seal account=a profile=exchange-5.5 strength=40\n"
    "seven.example seal account=a body=7bit\n"
    "döm.example seal account=c\n"
    "office.uucp seal account=c\n"
    "exempt.example none\n"
    "[192.0.2.1] seal account=d\n"
    "[IPv6:2001:db8::1] seal account=d\n";

// "OK text", "NOTFOUND" or "TEMP text".
std::string answer(const PolicySet* set, std::string_view key) {
  const auto reply = mailertable_lookup(set, kMailers, key);
  if (reply.status == SocketmapStatus::ok) return "OK " + reply.text;
  BOOST_TEST_REQUIRE(
      ((reply.status == SocketmapStatus::notfound) || (reply.status == SocketmapStatus::temp)));
  return reply.status == SocketmapStatus::temp ? "TEMP " + reply.text : "NOTFOUND";
}

BOOST_AUTO_TEST_SUITE(policy_sendmail_tables)

BOOST_AUTO_TEST_CASE(without_trustworthy_tables_every_key_is_answered_temporarily) {
  for (const std::string_view key : {"partner.example", "else.example", ".example", ".", "", "[192.0.2.1]"})
    BOOST_TEST(answer(nullptr, key).starts_with("TEMP the smtpseal domain map"), key);
}

BOOST_AUTO_TEST_CASE(listed_domains_lead_to_a_mailer_of_the_relay_and_others_do_not) {
  const auto set = policy_set(kRules);
  const std::pair<const char*, const char*> cases[] = {
      {"partner.example", "OK smtpseal:partner.example"},
      {"PARTNER.Example", "OK smtpseal:partner.example"},
      {"partner.example.", "OK smtpseal:partner.example"},
      {"a.b.partner.example", "OK smtpseal:a.b.partner.example"},
      {"notpartner.example", "NOTFOUND"},
      {"y.internal.partner.example", "NOTFOUND"},
      {"internal.partner.example", "OK smtpseal:internal.partner.example"},
      {"x.internal.partner.example", "OK smtpseal:x.internal.partner.example"},
      {"legacy.example", "OK smtpseal7:legacy.example"},
      {"sub.legacy.example", "NOTFOUND"},
      {"seven.example", "OK smtpseal7:seven.example"},
      {"döm.example", "OK smtpseal:xn--dm-fka.example"},
      {"DÖM.example", "OK smtpseal:xn--dm-fka.example"},
      {"xn--dm-fka.example", "OK smtpseal:xn--dm-fka.example"},
      {"ｐartner。example", "OK smtpseal:partner.example"},
      {"par\xC2\xADtner.example", "OK smtpseal:partner.example"},
      {"[192.0.2.1]", "OK smtpseal:[192.0.2.1]"},
      {"[192.0.2.2]", "NOTFOUND"},
      {"[ipv6:2001:DB8:0:0::1]", "OK smtpseal:[ipv6:2001:db8::1]"},
      {"exempt.example", "NOTFOUND"},
      {"else.example", "NOTFOUND"},
      {"example", "NOTFOUND"},
      {"localhost", "NOTFOUND"},
  };
  for (const auto& [key, wanted] : cases)
    BOOST_TEST(answer(&set, key) == wanted, key << ": " << answer(&set, key));
}

BOOST_AUTO_TEST_CASE(keys_of_parents_find_nothing_so_that_exceptions_hold) {
  const auto set = policy_set(kRules);
  const auto all = policy_set("* seal account=a\nexempt.example none\n");
  for (const std::string_view key :
       {".partner.example", ".internal.partner.example", ".example", ".", "..", ".☃.example", ".\x01"}) {
    BOOST_TEST(answer(&set, key) == "NOTFOUND", key);
    BOOST_TEST(answer(&all, key) == "NOTFOUND", key);
  }
  BOOST_TEST(answer(&all, "exempt.example") == "NOTFOUND");
  BOOST_TEST(answer(&all, "else.example") == "OK smtpseal:else.example");
}

BOOST_AUTO_TEST_CASE(bang_paths_that_became_domains_do_not_hide_a_listed_one) {
  const auto set = policy_set(kRules);
  const std::pair<const char*, const char*> cases[] = {
      {"partner.example.UUCP", "OK smtpseal:partner.example.uucp"},
      {"partner.example.uucp.", "OK smtpseal:partner.example.uucp"},
      {"partner.example.uucp.UUCP", "OK smtpseal:partner.example.uucp.uucp"},
      {"seven.example.UUCP", "OK smtpseal7:seven.example.uucp"},
      {"office.UUCP", "OK smtpseal:office.uucp"},
      {"else.example.UUCP", "NOTFOUND"},
      {"exempt.example.UUCP", "NOTFOUND"},
      {"UUCP", "NOTFOUND"},
      {"partner.exampleuucp", "NOTFOUND"},
  };
  for (const auto& [key, wanted] : cases)
    BOOST_TEST(answer(&set, key) == wanted, key << ": " << answer(&set, key));
}

BOOST_AUTO_TEST_CASE(a_key_that_is_no_domain_goes_to_the_relay_while_any_domain_is_listed) {
  const auto set = policy_set(kRules);
  const auto nothing_secured = policy_set("exempt.example none\n");
  const std::string bad_keys[] = {"",
                                  "a..b",
                                  "partner..example",
                                  "☃.example",
                                  "[192.0.2.1",
                                  "[]",
                                  "[IPv6:::::]",
                                  "partner.example\x01",
                                  std::string("partner.example\0", 16),
                                  "partner .example",
                                  "\xFF\xFEpartner.example",
                                  std::string(300, 'a') + ".example",
                                  std::string(64, 'a') + "." + std::string(100000, 'b')};
  for (const auto& key : bad_keys) {
    BOOST_TEST(answer(&set, key) == "OK smtpseal:invalid", key);
    BOOST_TEST(answer(&nothing_secured, key) == "NOTFOUND", key);
  }
}

// What comes back stands in a rule's right hand side: mailer, colon, domain, and nothing that Sendmail's
// parser could take for more.
BOOST_AUTO_TEST_CASE(no_key_can_put_anything_but_a_domain_into_the_answer) {
  const auto set = policy_set("* seal account=a\n");
  std::mt19937 random(19990101);
  for (int i = 0; i < 20000; ++i) {
    std::string key(random() % 12, '\0');
    for (char& c : key) c = static_cast<char>(random());
    const auto reply = mailertable_lookup(&set, kMailers, key);
    if (reply.status != SocketmapStatus::ok) continue;
    BOOST_TEST_REQUIRE(reply.text.starts_with("smtpseal:"));
    const auto domain = reply.text.substr(9);
    BOOST_TEST(!domain.empty());
    for (const char c : domain) {
      if (c <= ' ' || c > '~' || contains("<>@%!\",;()\\", std::string(1, c)))
        BOOST_ERROR("an answer with " << int{c} << ": " << reply.text);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::policy
