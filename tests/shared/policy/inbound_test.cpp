#include "smtpseal/policy/inbound.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "fixture.hpp"

using namespace smtpseal;
using namespace smtpseal::policy;
using session::Protection;
using Kind = InboundVerdict::Kind;

namespace {

constexpr const char* kDomains =
    "two-way.example     seal account=CORP\\MX inbound=require inbound_account=PARTNER\n"
    ".two-way.example    none inbound=require\n"
    "weak.example        seal account=CORP\\MX profile=exchange-5.5 strength=40 inbound=require\n"
    "trial.example       seal account=CORP\\MX mode=report inbound=require inbound_account=PARTNER\n"
    "open.example        seal account=CORP\\MX\n";

constexpr const char* kAccounts =
    "PARTNER     password1 domains=two-way.example,trial.example\n"
    "CORP\\BOUND password2 domains=.two-way.example,weak.example\n"
    "FREE        password3\n"
    "OTHER       password4 domains=other.example\n";

PolicySet make_set(const std::string& domains = kDomains) {
  PolicySet set;
  std::vector<Problem> problems;
  set.domains = DomainMap::parse(domains, "domains", problems);
  set.accounts = Accounts::parse(test::engine(), kAccounts, "accounts", problems);
  for (const auto& problem : problems) BOOST_ERROR(problem.message());
  return set;
}

session::SessionSecurity sealed(const std::string& account, unsigned bits = 128) {
  session::SessionSecurity security;
  security.protection = Protection::sealed;
  security.mechanism = "NTLM";
  security.account = account;
  security.bits = bits;
  security.octets_unsealed = 20;
  return security;
}

session::SessionSecurity with(Protection protection, const std::string& account = "") {
  auto security = sealed(account, 0);
  security.protection = protection;
  security.octets_unsealed = 0;
  if (account.empty()) security.mechanism.clear();
  if (protection == Protection::unknown) security.unknown_reason = "the relay is down";
  return security;
}

const char* name(Kind kind) {
  switch (kind) {
    case Kind::pass:
      return "pass";
    case Kind::report:
      return "report";
    case Kind::refuse:
      return "refuse";
    case Kind::defer:
      break;
  }
  return "defer";
}

struct Row {
  const char* sender;
  session::SessionSecurity security;
  Kind want;
  const char* reply;  // a part of it
};

void check(const PolicySet& set, const Row& row) {
  const auto got = judge_sender(set, row.security, row.sender);
  BOOST_TEST_CONTEXT("<" << row.sender << "> " << session::name(row.security.protection) << " as "
                         << row.security.account) {
    BOOST_TEST(name(got.kind) == name(row.want));
    const auto text = got.is_pass() ? std::string() : got.reply.one_line();
    BOOST_TEST(text.find(row.reply) != std::string::npos, text);
    BOOST_TEST(
        (got.is_pass() || got.kind == Kind::report || got.reply.is_temporary() == (got.kind == Kind::defer)));
    BOOST_TEST(got.reason.empty() == got.is_pass());
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(inbound_judgement)

BOOST_AUTO_TEST_CASE(wants_a_seal_of_the_entrys_strength_by_the_right_account) {
  const auto set = make_set();
  const std::vector<Row> rows{
      {"joe@two-way.example", sealed("PARTNER"), Kind::pass, ""},
      {"joe@TWO-WAY.Example.", sealed("PARTNER"), Kind::pass, ""},
      {"joe@two-way.example", sealed("partner"), Kind::pass, ""},
      {"joe@two-way.example", sealed("PARTNER", 56), Kind::refuse, "550 5.7.1 mail from two-way.example"},
      {"joe@two-way.example", sealed("PARTNER", 56), Kind::refuse, "56 < 128 bits"},
      {"joe@two-way.example", with(Protection::none), Kind::refuse, "is not sealed"},
      {"joe@two-way.example", with(Protection::tls), Kind::refuse, "(rule two-way.example)"},
      {"joe@two-way.example", with(Protection::authenticated, "PARTNER"), Kind::refuse, "is not sealed"},
      {"joe@two-way.example", sealed("CORP\\BOUND"), Kind::refuse, "is not bound to the domain"},
      {"joe@two-way.example", sealed("nobody"), Kind::refuse, "is not bound to the domain"},
      {"joe@a.two-way.example", sealed("CORP\\BOUND"), Kind::pass, ""},
      {"joe@a.two-way.example", sealed("BOUND"), Kind::refuse, "is not bound"},
      {"joe@weak.example", sealed("CORP\\BOUND", 40), Kind::pass, ""},
      {"joe@open.example", with(Protection::none), Kind::pass, ""},
      {"joe@unlisted.example", with(Protection::none), Kind::pass, ""},
  };
  for (const auto& row : rows) check(set, row);
}

BOOST_AUTO_TEST_CASE(counts_a_seal_only_once_octets_came_through_it) {
  auto security = sealed("PARTNER");
  security.octets_unsealed = 0;
  check(make_set(), {"joe@two-way.example", security, Kind::refuse, "is not sealed"});
}

BOOST_AUTO_TEST_CASE(takes_an_ntlm_account_only_from_an_ntlm_login) {
  auto security = sealed("PARTNER");
  security.mechanism = "PLAIN";
  check(make_set(), {"joe@two-way.example", security, Kind::refuse, "is not bound"});
  BOOST_TEST(account_of(make_set(), security) == nullptr);
}

BOOST_AUTO_TEST_CASE(finds_an_account_without_domain_under_any) {
  const auto set = make_set();
  BOOST_REQUIRE(account_of(set, sealed("ANY\\PARTNER")) != nullptr);
  BOOST_TEST(account_of(set, sealed("ANY\\PARTNER"))->account == "PARTNER");
  BOOST_TEST(account_of(set, sealed("ANY\\BOUND")) == nullptr);
  BOOST_TEST(account_of(set, sealed("A\\B\\PARTNER")) == nullptr);
  BOOST_TEST(account_of(set, sealed("")) == nullptr);
}

BOOST_AUTO_TEST_CASE(lets_the_null_sender_pass) {
  const auto set = make_set();
  for (const auto protection : {Protection::none, Protection::tls, Protection::unknown})
    check(set, {"", with(protection), Kind::pass, ""});
  check(set, {"", sealed("OTHER"), Kind::pass, ""});
}

BOOST_AUTO_TEST_CASE(sees_through_address_forms) {
  const auto set = make_set();
  for (const char* sender : {"boss%two-way.example@unlisted.example", "two-way.example!boss@unlisted.example",
                             "\"boss@two-way.example\"@unlisted.example",
                             "@two-way.example:boss@unlisted.example", "boss%x.two-way.example@open.example"})
    check(set, {sender, with(Protection::none), Kind::refuse, "is not sealed"});
  check(set, {"bounce-a=two-way.example@unlisted.example", with(Protection::none), Kind::pass, ""});
}

BOOST_AUTO_TEST_CASE(refuses_an_address_whose_domain_cannot_be_told) {
  for (const char* sender : {"joe", "joe@two-way", "\"unbalanced@two-way.example", "joe@two way.example"}) {
    check(make_set(), {sender, with(Protection::none), Kind::refuse, "553 5.1.7"});
    check(make_set("open.example seal account=A\n"), {sender, with(Protection::none), Kind::pass, ""});
  }
  check(make_set("open.example none\n"), {"joe", sealed("OTHER"), Kind::refuse, "553 5.1.7"});
}

BOOST_AUTO_TEST_CASE(defers_what_needs_protection_while_it_is_unknown) {
  const auto set = make_set();
  check(set, {"joe@two-way.example", with(Protection::unknown), Kind::defer, "451 4.7.1"});
  check(set, {"joe@two-way.example", with(Protection::unknown), Kind::defer, "the relay is down"});
  check(set, {"joe@open.example", with(Protection::unknown), Kind::pass, ""});
}

BOOST_AUTO_TEST_CASE(reports_where_the_rule_says_so) {
  const auto set = make_set();
  check(set, {"joe@trial.example", with(Protection::none), Kind::report, "550 5.7.1"});
  check(set, {"joe@trial.example", with(Protection::unknown), Kind::report, "451 4.7.1"});
  check(set, {"joe@trial.example", sealed("OTHER"), Kind::report, "is not bound"});
  check(set, {"joe@trial.example", sealed("PARTNER"), Kind::pass, ""});
}

BOOST_AUTO_TEST_CASE(a_report_hides_no_refusal) {
  const auto set = make_set();
  check(set, {"joe%two-way.example@trial.example", with(Protection::none), Kind::refuse, "two-way.example"});
  check(set, {"joe%trial.example@two-way.example", with(Protection::none), Kind::refuse, "two-way.example"});
  check(set, {"joe%trial.example@unlisted.example", sealed("OTHER"), Kind::refuse, "may not send as"});
}

BOOST_AUTO_TEST_CASE(binds_an_account_to_its_domains) {
  const auto set = make_set();
  check(set, {"joe@other.example", sealed("OTHER"), Kind::pass, ""});
  check(set, {"joe@unlisted.example", sealed("OTHER"), Kind::refuse,
              "the account may not send as unlisted.example"});
  check(set,
        {"joe@unlisted.example", with(Protection::authenticated, "OTHER"), Kind::refuse, "may not send as"});
  check(set, {"joe@sub.other.example", sealed("OTHER"), Kind::refuse, "may not send as"});
  check(set, {"joe@unlisted.example", sealed("FREE"), Kind::pass, ""});
  check(set, {"joe@unlisted.example", sealed("nobody"), Kind::pass, ""});
}

BOOST_AUTO_TEST_CASE(names_the_rule_for_the_log) {
  const auto got = judge_sender(make_set(), with(Protection::none), "joe@a.two-way.example");
  BOOST_TEST(got.rule == "domains:2");
  BOOST_TEST(got.domain == "a.two-way.example");
  BOOST_TEST(got.reply.one_line().find("domains:2") == std::string::npos);
  BOOST_TEST(judge_sender(make_set(), sealed("OTHER"), "joe@unlisted.example").rule == "accounts:4");
}

BOOST_AUTO_TEST_CASE(verp_words_are_no_domains_of_a_rule_for_all) {
  const auto set = make_set("* none inbound=require\n");
  auto bound = sealed("FREE");
  check(set, {"list%word@other.example", with(Protection::none), Kind::refuse, "mail from other.example"});
  check(make_set("* none inbound=require inbound_account=FREE\n"),
        {"list%word@other.example", bound, Kind::pass, ""});
}

BOOST_AUTO_TEST_CASE(networks_get_what_they_must_use) {
  std::string problem;
  const auto rules = NetworkRules::parse({"192.0.2.0/24 seal", "198.51.100.0/24 auth"}, problem);
  BOOST_REQUIRE(problem.empty());
  struct {
    const char* client;
    session::SessionSecurity security;
    const char* want;
  } const rows[] = {
      {"192.0.2.7", with(Protection::none), "530 5.7.10"},
      {"192.0.2.7", with(Protection::authenticated, "FREE"), "530 5.7.10"},
      {"192.0.2.7", sealed("FREE"), ""},
      {"192.0.2.7", with(Protection::unknown), "451 4.7.1"},
      {"198.51.100.7", with(Protection::tls), "530 5.7.0 "},
      {"198.51.100.7", with(Protection::authenticated, "FREE"), ""},
      {"203.0.113.7", with(Protection::none), ""},
      {"203.0.113.7", with(Protection::unknown), ""},
  };
  for (const auto& row : rows) {
    const auto got = judge_network(rules, row.security, *parse_ip(row.client));
    const auto text = got.is_pass() ? std::string() : got.reply.one_line() + " ";
    BOOST_TEST(text.starts_with(row.want), row.client << ": " << text);
    BOOST_TEST(got.is_pass() == (*row.want == '\0'));
  }
}

BOOST_AUTO_TEST_SUITE_END()
