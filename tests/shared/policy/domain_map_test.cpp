#include "smtpseal/policy/domain_map.hpp"

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

namespace smtpseal::policy {
namespace {

using test::contains;
using test::domain_map;

DomainRule only_rule(const std::string& line) {
  const auto map = domain_map(line + "\n");
  BOOST_REQUIRE_EQUAL(map.rules().size(), 1U);
  return map.rules().front();
}

std::vector<Problem> problems_of(const std::string& text) {
  std::vector<Problem> problems;
  DomainMap::parse(text, "domains", problems);
  return problems;
}

BOOST_AUTO_TEST_SUITE(policy_domain_map)

BOOST_AUTO_TEST_CASE(a_rule_has_the_defaults_of_the_manual) {
  const auto rule = only_rule("partner.example seal account=INTELLINET\\DOUG");
  BOOST_TEST(rule.pattern == "partner.example");
  BOOST_TEST((rule.level == Level::seal));
  BOOST_TEST(rule.account == "INTELLINET\\DOUG");
  BOOST_TEST((rule.profile == Profile::modern));
  BOOST_TEST(rule.strength == 128U);
  BOOST_TEST((rule.framing == session::Framing{}));
  BOOST_TEST(!rule.nexthop);
  BOOST_TEST((rule.on_failure == OnFailure::defer));
  BOOST_TEST((rule.body == BodyRule::as_is));
  BOOST_TEST((rule.inbound == InboundRule::any));
  BOOST_TEST(rule.inbound_account.empty());
  BOOST_TEST((rule.mode == Mode::enforce));
  BOOST_TEST(rule.origin.text() == "domains:1");
}

BOOST_AUTO_TEST_CASE(every_attribute_is_taken) {
  const auto rule = only_rule(
      "legacy.example\tseal account=\"CORP\\mail relay\" profile=exchange-5.5 strength=40 "
      "framing=le-trailing "
      "nexthop=[mail.legacy.example]:2525 on_failure=bounce body=7bit inbound=require "
      "inbound_account=PARTNER "
      "mode=report tls=none  # as agreed");
  BOOST_TEST(rule.account == "CORP\\mail relay");
  BOOST_TEST((rule.profile == Profile::exchange_55));
  BOOST_TEST(rule.strength == 40U);
  BOOST_TEST((rule.framing ==
              session::Framing{session::LengthOrder::little_endian, session::SignaturePlace::trailing}));
  BOOST_REQUIRE(rule.nexthop.has_value());
  BOOST_TEST(rule.nexthop->host == "mail.legacy.example");
  BOOST_TEST(rule.nexthop->port == 2525);
  BOOST_TEST(!rule.nexthop->mx_lookup);
  BOOST_TEST((rule.on_failure == OnFailure::bounce));
  BOOST_TEST((rule.body == BodyRule::seven_bit));
  BOOST_TEST((rule.inbound == InboundRule::require));
  BOOST_TEST(rule.inbound_account == "PARTNER");
  BOOST_TEST((rule.mode == Mode::report));
}

BOOST_AUTO_TEST_CASE(separate_rc4_states_must_be_named_and_count_as_weak) {
  BOOST_TEST((only_rule("a.example seal account=x").rc4_state == Rc4State::shared));
  const auto rule = only_rule("a.example seal account=x rc4_state=separate");
  BOOST_TEST((rule.rc4_state == Rc4State::separate));
  BOOST_TEST(rule.weaknesses().find("rc4_state=separate") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(tls_is_asked_for_in_every_way_the_manual_has) {
  const std::string base = "partner.example auth account=x ";
  BOOST_TEST((only_rule(base).tls.mode == TlsMode::none));
  const auto rule =
      only_rule(base + "tls=verify ca_file=/etc/ssl/partner.pem tls_name=MX.Partner.example tls_min=1.3");
  BOOST_TEST((rule.tls.mode == TlsMode::verify));
  BOOST_TEST(rule.tls.ca_file == "/etc/ssl/partner.pem");
  BOOST_TEST(rule.tls.name == "mx.partner.example");
  BOOST_TEST((rule.tls.least == TlsVersion::tls_1_3));
  BOOST_TEST(rule.weaknesses().empty());
  const auto pinned =
      only_rule(base + "tls=verify fingerprint=" + std::string(64, 'a') + "," + std::string(64, 'B'));
  BOOST_TEST(pinned.tls.fingerprints.size() == 2U);
  BOOST_TEST((only_rule("partner.example seal account=x tls=encrypt").tls.mode == TlsMode::encrypt));
}

BOOST_AUTO_TEST_CASE(tls_without_a_login_is_a_level_and_verified_unless_said_otherwise) {
  for (const char* line :
       {"a.example tls", "a.example tls tls=verify", "a.example tls tls=only", "a.example none tls=only"}) {
    const auto rule = only_rule(line);
    BOOST_TEST((rule.level == Level::tls), line);
    BOOST_TEST((rule.tls.mode == TlsMode::verify), line);
    BOOST_TEST(rule.weaknesses().empty(), line);
  }
  const auto unverified = only_rule("a.example tls tls=encrypt");
  BOOST_TEST((unverified.level == Level::tls));
  BOOST_TEST(contains(unverified.weaknesses(), "the certificate is not checked (tls=encrypt)"));
  BOOST_TEST(domain_map("a.example tls\n").secures_any());
  BOOST_TEST(domain_map("a.example none tls=only\n").secures_any());
}

BOOST_AUTO_TEST_CASE(what_tls_leaves_open_counts_as_weak) {
  const std::string base = "a.example auth account=x ";
  BOOST_TEST(contains(only_rule(base + "tls=encrypt").weaknesses(), "certificate is not checked"));
  BOOST_TEST(contains(only_rule(base + "tls=encrypt mechanisms=PLAIN").weaknesses(),
                      "the password is shown to whoever answers (mechanisms=PLAIN, tls=encrypt)"));
  BOOST_TEST(only_rule(base + "tls=verify mechanisms=PLAIN,LOGIN").weaknesses().empty());
  BOOST_TEST(contains(only_rule(base + "tls=verify tls_min=1.0").weaknesses(), "TLS 1.0 (tls_min=1.0)"));
  // The seal proves the server.
  BOOST_TEST(only_rule("a.example seal account=x tls=encrypt").weaknesses().empty());
}

BOOST_AUTO_TEST_CASE(rules_that_ask_for_different_tls_read_differently) {
  const std::string base = "a.example auth account=x tls=verify ";
  std::vector<std::string> texts;
  for (const std::string more :
       {"", "tls_min=1.3", "ca_file=/a", "ca_file=/b", "tls_name=a.example", "tls_name=b.example"})
    texts.push_back(only_rule(base + more).tls.text());
  texts.push_back(only_rule(base + "fingerprint=" + std::string(64, 'a')).tls.text());
  texts.push_back(only_rule(base + "fingerprint=" + std::string(64, 'b')).tls.text());
  texts.push_back(only_rule("a.example auth account=x tls=encrypt").tls.text());
  texts.push_back(only_rule("a.example auth account=x").tls.text());
  std::sort(texts.begin(), texts.end());
  BOOST_TEST((std::adjacent_find(texts.begin(), texts.end()) == texts.end()));
}

BOOST_AUTO_TEST_CASE(mechanisms_keep_their_order) {
  const auto rule = only_rule("a.example auth account=x tls=verify mechanisms=LOGIN,NTLM,PLAIN");
  BOOST_TEST((rule.mechanisms == std::vector{Mechanism::login, Mechanism::ntlm, Mechanism::plain}));
  BOOST_TEST(rule.shows_password());
  BOOST_TEST(!only_rule("a.example auth account=x").shows_password());
}

BOOST_AUTO_TEST_CASE(framing_has_its_four_names) {
  for (const std::string name : {"be-leading", "be-trailing", "le-leading", "le-trailing"}) {
    BOOST_TEST(session::name(only_rule("a.example seal account=x framing=" + name).framing) == name);
  }
}

struct NexthopCase {
  std::string text;
  std::string host;
  unsigned port;
  bool mx_lookup;
};

BOOST_AUTO_TEST_CASE(nexthop_is_taken_as_in_transport_tables) {
  const NexthopCase cases[] = {
      {"[mail.example]:26", "mail.example", 26, false}, {"[mail.example]", "mail.example", 25, false},
      {"mail.example:26", "mail.example", 26, true},    {"Mail.Example", "mail.example", 25, true},
      {"[2001:db8::1]:26", "2001:db8::1", 26, false},   {"[192.0.2.1]:65535", "192.0.2.1", 65535, false},
      {"192.0.2.1:26", "192.0.2.1", 26, false},         {"döm.example:1", "xn--dm-fka.example", 1, true},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.text) {
      const auto rule = only_rule("a.example seal account=x nexthop=" + c.text);
      BOOST_REQUIRE(rule.nexthop.has_value());
      BOOST_TEST(rule.nexthop->host == c.host);
      BOOST_TEST(rule.nexthop->port == c.port);
      BOOST_TEST(rule.nexthop->mx_lookup == c.mx_lookup);
    }
  }
}

struct BadLine {
  std::string line;
  std::string wanted;  // part of the message
};

BOOST_AUTO_TEST_CASE(every_malformed_line_is_one_problem_that_names_what_is_allowed) {
  const BadLine cases[] = {
      {"partner.example", "allowed are none, tls, auth, seal"},
      {"partner.example # seal account=x", "allowed are none, tls, auth, seal"},
      {"partner.example SEAL account=x", "level \"SEAL\": allowed are none, tls, auth, seal"},
      {"partner.example encrypt account=x", "level \"encrypt\": allowed are none, tls, auth, seal"},
      {"partner.example seal", "level seal needs account="},
      {"partner.example auth", "level auth needs account="},
      {"partner.example seal account=", "account=\"\": "},
      {"partner.example seal account=\"\"", "account=\"\": "},
      {"partner.example seal account=A\\B\\C", "at most one backslash"},
      {"partner.example seal account=\\user", "neither part is empty"},
      {"partner.example seal account=CORP\\", "neither part is empty"},
      {"partner.example seal account=a account=b", "account= is given twice"},
      {"partner.example seal account=a account=a", "account= is given twice"},
      {"partner.example seal account=a acount=b",
       "unknown attribute \"acount\"; allowed are account, profile, "},
      {"partner.example seal account=a Strength=40", "unknown attribute \"Strength\""},
      {"partner.example seal account=a strength", "must have the form name=value: \"strength\""},
      {"partner.example seal account=a =40", "must have the form name=value: \"=40\""},
      {"partner.example seal account=a strength=", "strength=\"\": allowed are 40, 56, 128"},
      {"partner.example seal account=a strength=64", "strength=\"64\": allowed are 40, 56, 128"},
      {"partner.example seal account=a strength=128bit", "strength=\"128bit\": allowed are 40, 56, 128"},
      {"partner.example seal account=a strength=0128", "allowed are 40, 56, 128"},
      {"partner.example auth account=a strength=128", "strength= has no meaning at level auth"},
      {"partner.example auth account=a framing=be-leading", "framing= has no meaning at level auth"},
      {"partner.example seal account=a profile=exchange", "allowed are modern, exchange-5.5, exchange-5.0"},
      {"partner.example seal account=a framing=be",
       "allowed are be-leading, be-trailing, le-leading, le-trailing"},
      {"partner.example seal account=a on_failure=drop", "allowed are defer, bounce"},
      {"partner.example seal account=a body=8bit", "allowed are as-is, 7bit"},
      {"partner.example seal account=a inbound=none", "allowed are any, require"},
      {"partner.example seal account=a mode=test", "allowed are enforce, report"},
      {"partner.example seal account=a inbound_account=B", "only with inbound=require"},
      {"partner.example seal account=a tls=may", "allowed are none, encrypt, verify, only"},
      {"partner.example auth account=a tls=", "allowed are none, encrypt, verify, only"},
      {"partner.example auth account=a tls=only", "there is no login with it"},
      {"partner.example seal account=a tls=only", "there is no login with it"},
      {"partner.example tls tls=none", "at level tls allowed are encrypt, verify, only"},
      {"partner.example tls account=a", "account= has no meaning at level tls"},
      {"partner.example none tls=only account=a", "account= has no meaning at level tls"},
      {"partner.example tls mechanisms=PLAIN", "mechanisms= has no meaning at level tls"},
      {"partner.example tls profile=modern", "profile= has no meaning at level tls"},
      {"partner.example none tls=verify", "tls= has no meaning at level none"},
      {"partner.example auth account=a tls=verify tls_min=1", "allowed are 1.0, 1.1, 1.2, 1.3"},
      {"partner.example auth account=a tls_min=1.2", "only with tls=encrypt or tls=verify"},
      {"partner.example auth account=a tls=none tls_min=1.0", "only with tls=encrypt or tls=verify"},
      {"partner.example auth account=a ca_file=/x", "only with tls=verify"},
      {"partner.example auth account=a tls=encrypt ca_file=/x", "only with tls=verify"},
      {"partner.example auth account=a tls=encrypt tls_name=mx.example", "only with tls=verify"},
      {"partner.example tls tls=encrypt tls_name=mx.example", "only with tls=verify"},
      {"partner.example tls ca_file=ca.pem", "allowed is an absolute path"},
      {"partner.example tls ca_file=", "allowed is an absolute path"},
      {"partner.example tls tls_name=.partner.example", "allowed is the name of a host"},
      {"partner.example tls tls_name=*", "allowed is the name of a host"},
      {"partner.example tls tls_name=[192.0.2.1]", "allowed is the name of a host"},
      {"partner.example tls fingerprint=", "allowed are SHA-256 fingerprints"},
      {"partner.example tls fingerprint=AB:CD", "allowed are SHA-256 fingerprints"},
      {"partner.example tls ca_file=/x fingerprint=" + std::string(64, 'a'), "fingerprint= takes the place"},
      {"partner.example tls tls_name=x.example fingerprint=" + std::string(64, 'a'),
       "fingerprint= takes the place"},
      {"partner.example tls fingerprint=" + std::string(64, 'a') + ",", "allowed are SHA-256 fingerprints"},
      {"partner.example auth account=a mechanisms=", "allowed are NTLM, PLAIN, LOGIN"},
      {"partner.example auth account=a mechanisms=GSSAPI", "allowed are NTLM, PLAIN, LOGIN"},
      {"partner.example auth account=a mechanisms=ntlm", "allowed are NTLM, PLAIN, LOGIN"},
      {"partner.example auth account=a mechanisms=NTLM,NTLM", "NTLM is given twice"},
      {"partner.example auth account=a mechanisms=NTLM,PLAIN", "PLAIN and LOGIN show the password"},
      {"partner.example auth account=a mechanisms=LOGIN tls=none", "PLAIN and LOGIN show the password"},
      {"partner.example seal account=a mechanisms=NTLM,PLAIN tls=verify", "only NTLM brings a seal"},
      {"partner.example seal account=a nexthop=", "allowed are [host]:port, host:port and [ipv6]:port"},
      {"partner.example seal account=a nexthop=:25", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=mail.example:", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=mail.example:0", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=mail.example:65536", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=mail.example:25x", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=mail.example:-1", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=[mail.example", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=[mail.example]25", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=[]:25", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=2001:db8::1:25", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=*", "allowed are [host]:port"},
      {"partner.example seal account=a nexthop=.mail.example", "allowed are [host]:port"},
      {"partner.example none account=a", "account= has no meaning at level none"},
      {"partner.example none strength=40", "strength= has no meaning at level none"},
      {"partner.example none inbound_account=a", "inbound_account= has a meaning only with inbound=require"},
      {"partner.example seal account=\"a b", "a double quote is not closed"},
      {"partner.example seal account=\"a\"b", "must be followed by a blank"},
      {"\"partner.example seal account=a", "a double quote is not closed"},
      {"partner.example \"seal account=a", "a double quote is not closed"},
      {" partner.example seal account=a", "there are no continuation lines"},
      {"\tpartner.example seal account=a", "there are no continuation lines"},
      {"partner..example seal account=a", "pattern \"partner..example\" is no pattern"},
      {"*.example seal account=a", "for all subdomains write \".example\""},
      {"**  seal account=a", "is no pattern"},
      {". seal account=a", "is no pattern"},
      {"..example seal account=a", "is no pattern"},
      {"user@partner.example seal account=a", "is an address"},
      {"a+b.example seal account=a", "is no pattern"},
      {".[192.0.2.1] seal account=a", "an address literal has no subdomains"},
      {"[partner.example] seal account=a", "is no pattern"},
      {"☃.example seal account=a", "is no pattern"},
      {"partner.example seal account=\xFF", "is not UTF-8"},
      {"partner.example seal account=a\x01", "control character"},
      {std::string("partner.example seal account=a\0", 31), "control character"},
      {"partner.example seal account=a\r\r", "control character"},
      {"partner.example seal account=" + std::string(5000, 'a'), "more than 4096 octets"},
      {"partner.example seal account=" + std::string(2000, 'a'), "at most 1024 octets"},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.line) {
      const auto problems = problems_of("# first\n" + c.line + "\nlast.example none\n");
      BOOST_TEST_REQUIRE(problems.size() == 1U);
      BOOST_TEST(problems.front().origin.text() == "domains:2");
      BOOST_TEST(contains(problems.front().text, c.wanted),
                 problems.front().text << " / wanted " << c.wanted);
    }
  }
}

BOOST_AUTO_TEST_CASE(every_problem_of_a_file_is_told_at_once) {
  const auto problems = problems_of("a.example seal strength=1 framing=x\n\nb.example\n b\n");
  BOOST_REQUIRE_EQUAL(problems.size(), 5U);
  BOOST_TEST(problems[0].message() == "domains:1: strength=\"1\": allowed are 40, 56, 128");
  BOOST_TEST(problems[1].origin.line == 1U);
  BOOST_TEST(contains(problems[2].text, "needs account="));
  BOOST_TEST(problems[3].origin.line == 3U);
  BOOST_TEST(problems[4].origin.line == 4U);
}

BOOST_AUTO_TEST_CASE(repeated_patterns_are_refused_in_any_spelling) {
  for (const std::string again : {"partner.example", "PARTNER.example.", "ｐartner。example"}) {
    const auto problems =
        problems_of("partner.example none\nother.example none\n" + again + " seal account=a\n");
    BOOST_REQUIRE_EQUAL(problems.size(), 1U);
    BOOST_TEST(problems.front().message() ==
               "domains:3: pattern \"partner.example\" is given twice; the first is in line 1");
  }
  BOOST_TEST(problems_of("döm.example none\nxn--dm-fka.example none\n").size() == 1U);
  BOOST_TEST(problems_of("partner.example none\n.partner.example none\n* none\n").empty());
}

BOOST_AUTO_TEST_CASE(comments_blank_lines_and_foreign_line_ends_are_no_entries) {
  const auto map = domain_map(
      "\xEF\xBB\xBF# comment\r\n\r\n   \n  # indented comment\na.example none # trailing\r\nb.example "
      "none\t#x\nc.example none");
  BOOST_REQUIRE_EQUAL(map.rules().size(), 3U);
  BOOST_TEST(map.rules()[0].origin.line == 5U);
  BOOST_TEST(map.rules()[1].origin.line == 6U);
  BOOST_TEST(map.rules()[2].pattern == "c.example");
}

BOOST_AUTO_TEST_CASE(a_hash_inside_a_word_is_no_comment) {
  BOOST_TEST(only_rule("a.example seal account=x#y").account == "x#y");
  BOOST_TEST(only_rule("a.example seal account=\"#y\" # z").account == "#y");
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_after_the_start_is_no_blank) {
  BOOST_TEST(problems_of("a.example none\n\xEF\xBB\xBF"
                         "b.example\n")
                 .size() == 1U);
}

BOOST_AUTO_TEST_CASE(lookup_takes_exact_then_the_longest_parent_then_any) {
  const auto map = domain_map(
      "partner.example seal account=a\n"
      ".partner.example seal account=b\n"
      "x.partner.example seal account=c\n"
      ".deep.partner.example none\n"
      ".example none\n"
      "* auth account=d\n"
      "[192.0.2.1] seal account=e\n");
  const std::pair<const char*, const char*> cases[] = {
      {"partner.example", "partner.example"},
      {"x.partner.example", "x.partner.example"},
      {"y.partner.example", ".partner.example"},
      {"y.x.partner.example", ".partner.example"},
      {"deep.partner.example", ".partner.example"},
      {"a.deep.partner.example", ".deep.partner.example"},
      {"notpartner.example", ".example"},
      {"example", "*"},
      {"other.test", "*"},
      {"[192.0.2.1]", "[192.0.2.1]"},
      {"[192.0.2.2]", "*"},
  };
  for (const auto& [domain, pattern] : cases) {
    BOOST_TEST_CONTEXT(domain) {
      const auto* rule = map.find(domain);
      BOOST_REQUIRE(rule != nullptr);
      BOOST_TEST(rule->pattern == pattern);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_listed_is_not_found) {
  const auto map = domain_map("partner.example seal account=a\n.sub.example none\n");
  for (const char* domain :
       {"", "example", "xpartner.example", "x.partner.example", "sub.example", "partner.example.test", "."}) {
    BOOST_TEST_CONTEXT(domain) {
      BOOST_TEST(map.find(domain) == nullptr);
    }
  }
  BOOST_TEST(domain_map("").find("a.example") == nullptr);
  BOOST_TEST(domain_map("* seal account=a\n").find("") == nullptr);
}

BOOST_AUTO_TEST_CASE(knows_whether_it_secures_anything) {
  BOOST_TEST(!domain_map("").secures_any());
  BOOST_TEST(!domain_map("a.example none\n* none\n").secures_any());
  BOOST_TEST(domain_map("a.example none\nb.example auth account=x\n").secures_any());
}

BOOST_AUTO_TEST_CASE(weaknesses_name_everything_below_the_default) {
  const std::pair<const char*, const char*> cases[] = {
      {"seal account=a", ""},
      {"auth account=a", ""},
      {"none", ""},
      {"none inbound=require", ""},
      {"none inbound=require strength=40", "40 bit (strength=40)"},
      {"auth account=a inbound=require strength=56", "56 bit (strength=56)"},
      {"seal account=a strength=56", "56 bit (strength=56)"},
      {"seal account=a profile=exchange-5.5", "NTLMv1 (profile=exchange-5.5)"},
      {"auth account=a profile=exchange-5.0", "NTLMv1 (profile=exchange-5.0)"},
      {"seal account=a profile=exchange-5.5 strength=40",
       "NTLMv1 and LM_KEY (profile=exchange-5.5), 40 bit (strength=40)"},
  };
  for (const auto& [line, wanted] : cases) {
    BOOST_TEST(only_rule(std::string("a.example ") + line).weaknesses() == wanted);
  }
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_rules_are_found_by_name) {
  std::string text;
  for (int i = 0; i < 100000; ++i)
    text += "d" + std::to_string(i) + ".partner.example seal account=CORP\\MX\n";
  const auto map = domain_map(text);
  BOOST_REQUIRE_EQUAL(map.rules().size(), 100000U);
  const auto* rule = map.find("d99999.partner.example");
  BOOST_REQUIRE(rule != nullptr);
  BOOST_TEST(rule->origin.line == 100000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::policy
