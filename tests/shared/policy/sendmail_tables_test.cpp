#include "smtpseal/policy/sendmail_tables.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <sstream>
#include <vector>

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

BOOST_AUTO_TEST_CASE(addresses_without_brackets_go_to_the_relay) {
  const auto set = policy_set(kRules);
  for (const std::string_view key :
       {"192.0.2.1", "3221225985", "0300.0.2.1", "0xc0.0.513", "0xC0000201", "1.0x"})
    BOOST_TEST(answer(&set, key) == "OK smtpseal:invalid", key);
  for (const std::string_view key : {"1and1.example", "0x.example", "x0xff.a1", "[192.0.2.2]"})
    BOOST_TEST(answer(&set, key) == "NOTFOUND", key);
  const auto nothing = policy_set("exempt.example none\n");
  BOOST_TEST(answer(&nothing, "192.0.2.1") == "NOTFOUND");
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

// The lines of an exported table: key, tab, value. A key that stands there twice is an error of makemap.
std::map<std::string, std::string> entries(const std::string& text) {
  std::map<std::string, std::string> table;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const auto tab = line.find('\t');
    BOOST_TEST_REQUIRE(tab != std::string::npos, line);
    BOOST_TEST(line.find_first_of("\t ", tab + 1) == std::string::npos, line);
    BOOST_TEST(table.emplace(line.substr(0, tab), line.substr(tab + 1)).second, line);
  }
  return table;
}

// A value with the argument %1 of its lookup.
std::string filled_in(const std::string& value, const std::string& argument) {
  const auto at = value.find("%1");
  return at == std::string::npos ? value : value.substr(0, at) + argument + value.substr(at + 2);
}

// Ruleset Mailertable of cf/m4/proto.m4: the domain, its parents with a leading dot, ".". Empty: no match.
std::string mailertable_finds(const std::map<std::string, std::string>& table, const std::string& domain) {
  if (const auto found = table.find(domain); found != table.end()) return found->second;
  for (std::size_t dot = domain.find('.'); dot != std::string::npos; dot = domain.find('.', dot + 1)) {
    if (const auto found = table.find(domain.substr(dot)); found != table.end())
      return filled_in(found->second, domain.substr(0, dot));
  }
  const auto any = table.find(".");
  return any == table.end() ? std::string() : filled_in(any->second, domain);
}

enum class DotDomains { looked_up, ignored };

unsigned strength_of(const std::string& value) {
  BOOST_TEST((value == "none" || value == "40" || value == "56" || value == "128"), value);
  return value == "none" ? 0 : static_cast<unsigned>(std::stoul(value));
}

// Ruleset D of cf/m4/proto.m4 with tag SmtpSeal, then the default entry. 0: no seal is asked for.
unsigned access_finds(const std::map<std::string, std::string>& table, std::string domain,
                      DotDomains dot_domains) {
  while (true) {
    if (const auto found = table.find("SmtpSeal:" + domain); found != table.end())
      return strength_of(found->second);
    const auto dot = domain.find('.');
    if (dot != std::string::npos && dot_domains == DotDomains::looked_up) {
      if (const auto found = table.find("SmtpSeal:" + domain.substr(dot)); found != table.end())
        return strength_of(found->second);
    }
    if (dot == std::string::npos) break;
    domain = domain.substr(dot + 1);
  }
  const auto any = table.find("SmtpSeal:");
  return any == table.end() ? 0 : strength_of(any->second);
}

// Level auth asks for a login, which always comes with a seal.
unsigned strength_wanted(const DomainRule* rule) {
  if (rule == nullptr || rule->level == Level::none) return 0;
  return rule->level == Level::seal ? rule->strength : 40;
}

// Maps and domains put together from few labels, so that they meet at every depth.
class Names {
 public:
  explicit Names(unsigned seed) : random_(seed) {}

  std::string domain() {
    std::string name = "c";
    for (auto depth = random_() % 4; depth > 0; --depth)
      name = std::string(1, "ab"[random_() % 2]) + "." + name;
    return name;
  }

  std::string rules() {
    std::map<std::string, std::string> rules;
    for (auto count = random_() % 6 + 1; count > 0; --count) rules.emplace(pattern(), level());
    std::string text;
    for (const auto& [pattern, level] : rules) text.append(pattern).append(" ").append(level).append("\n");
    return text;
  }

 private:
  std::string pattern() {
    const auto kind = random_() % 8;
    return kind == 0 ? "*" : (kind < 4 ? "." : "") + domain();
  }
  std::string level() {
    static constexpr const char* kLevels[] = {"none",
                                              "none",
                                              "auth account=a",
                                              "seal account=a",
                                              "seal account=a strength=56 body=7bit",
                                              "seal account=a strength=40 on_failure=bounce"};
    return kLevels[random_() % std::size(kLevels)];
  }

  std::mt19937 random_;
};

// Calls check(set, table, domain, rules) for 40 domains of each of 2000 maps; `table` is what `make_table`
// exports.
template <class MakeTable, class Check>
void with_random_maps(const MakeTable& make_table, const Check& check) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    Names names(seed);
    const auto rules = names.rules();
    const auto set = policy_set(rules);
    const auto table = entries(make_table(set));
    for (int i = 0; i < 40; ++i) check(set, table, names.domain(), rules);
  }
}

BOOST_AUTO_TEST_CASE(the_exported_mailertable_and_the_socketmap_agree) {
  with_random_maps([](const auto& set) { return export_mailertable(set, kMailers); },
                   [](const auto& set, const auto& table, const auto& domain, const auto& rules) {
                     const auto live = answer(&set, domain);
                     const auto frozen = mailertable_finds(table, domain);
                     BOOST_TEST((live == "NOTFOUND" ? frozen.empty() || frozen == "esmtp:" + domain
                                                    : live == "OK " + frozen),
                                domain << " is " << live << " and " << frozen << " by\n"
                                       << rules);
                   });
}

BOOST_AUTO_TEST_CASE(exported_access_entries_never_ask_less_than_the_rules) {
  with_random_maps([](const auto& set) { return export_access(set); },
                   [](const auto& set, const auto& table, const auto& domain, const auto& rules) {
                     for (const auto dots : {DotDomains::ignored, DotDomains::looked_up}) {
                       const auto found = access_finds(table, domain, dots);
                       BOOST_TEST(found >= strength_wanted(set.domains.find(domain)),
                                  domain << " is left with " << found << " by\n"
                                         << rules);
                     }
                   });
}

BOOST_AUTO_TEST_CASE(with_lookupdotdomain_domains_without_rules_of_their_own_get_what_the_rules_ask) {
  with_random_maps([](const auto& set) { return export_access(set); },
                   [](const auto& set, const auto& table, const auto& name, const auto& rules) {
                     const auto domain = "x." + name;
                     const auto found = access_finds(table, domain, DotDomains::looked_up);
                     BOOST_TEST(found == strength_wanted(set.domains.find(domain)), domain << " is left with "
                                                                                           << found << " by\n"
                                                                                           << rules);
                   });
}

BOOST_AUTO_TEST_CASE(access_entries_say_strength_and_exceptions) {
  const auto text =
      export_access(policy_set("partner.example seal account=a on_failure=bounce\n"
                               ".partner.example seal account=a strength=56\n"
                               "open.partner.example none\n"
                               ".open.partner.example none\n"
                               ".below.example seal account=a strength=56\n"
                               "login.example auth account=b\n"
                               "döm.example seal account=c\n"
                               ".döm.example seal account=c\n"
                               "exempt.example none\n"
                               "[192.0.2.1] seal account=d\n"
                               "[IPv6:2001:DB8:0::1] seal account=d strength=56\n"));
  const std::map<std::string, std::string> wanted{
      {"SmtpSeal:partner.example", "128"},
      {"SmtpSeal:.partner.example", "56"},
      {"SmtpSeal:open.partner.example", "none"},
      {"SmtpSeal:below.example", "56"},
      {"SmtpSeal:login.example", "40"},
      {"SmtpSeal:.login.example", "none"},
      {"SmtpSeal:xn--dm-fka.example", "128"},
      {"SmtpSeal:döm.example", "128"},
      {"SmtpSeal:[192.0.2.1]", "128"},
      {"SmtpSeal:[ipv6:2001:db8::1]", "56"},
      {"SmtpSeal:[ipv6]", "56"},
  };
  BOOST_TEST((entries(text) == wanted), text);
  BOOST_TEST(contains(text, "# below.example itself gets what its subdomains need (domains:5)\n"));
}

BOOST_AUTO_TEST_CASE(a_rule_for_all_domains_is_the_default_entry) {
  const std::map<std::string, std::string> wanted{
      {"SmtpSeal:", "56"}, {"SmtpSeal:x.example", "none"}, {"SmtpSeal:[192.0.2.1]", "none"}};
  BOOST_TEST(
      (entries(export_access(policy_set(
           "* seal account=a strength=56\nx.example none\n.x.example none\n[192.0.2.1] none\n"))) == wanted));
}

BOOST_AUTO_TEST_CASE(a_map_that_secures_nothing_exports_no_entry) {
  for (const std::string rules : {"", "x.example none\n.x.example none\n", "[192.0.2.1] none\n* none\n"}) {
    const auto set = policy_set(rules);
    BOOST_TEST(entries(export_access(set)).empty(), rules);
    BOOST_TEST(entries(export_mailertable(set, kMailers)).empty(), rules);
  }
}

BOOST_AUTO_TEST_CASE(the_mailertable_says_which_literals_it_cannot_cover) {
  const auto text =
      export_mailertable(policy_set("[192.0.2.1] seal account=a\n[192.0.2.2] none\n"), kMailers);
  BOOST_TEST(entries(text).empty());
  BOOST_TEST(contains(text, "# [192.0.2.1]: never looked up (domains:1)\n"));
  BOOST_TEST(!contains(text, "192.0.2.2"));
}

BOOST_AUTO_TEST_CASE(the_mailertable_has_every_spelling_and_the_mailers_of_the_configuration) {
  const auto table = entries(export_mailertable(
      policy_set(".döm.example seal account=c\n* seal account=a body=7bit\nx.döm.example none\n"),
      {"wide", "narrow"}));
  const std::map<std::string, std::string> wanted{{".döm.example", "wide:%1.xn--dm-fka.example"},
                                                  {".xn--dm-fka.example", "wide:%1.xn--dm-fka.example"},
                                                  {".", "narrow:%1"},
                                                  {"x.döm.example", "esmtp:x.xn--dm-fka.example"},
                                                  {"x.xn--dm-fka.example", "esmtp:x.xn--dm-fka.example"}};
  BOOST_TEST((table == wanted));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::policy
