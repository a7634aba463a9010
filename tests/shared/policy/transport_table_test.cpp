#include "smtpseal/policy/transport_table.hpp"

#include <regex.h>

#include <boost/test/unit_test.hpp>
#include <map>
#include <memory>
#include <random>
#include <sstream>

#include "fixture.hpp"

namespace smtpseal::policy {
namespace {

using postfix::SocketmapStatus;
using test::contains;
using test::policy_set;

const TransportTargets kTargets{"smtpseal:unix:relay", "smtpseal:unix:relay-7bit"};

// The exported tables as Postfix's trivial-rewrite(8) looks them up: first the regexps, by the full address
// (regexp_table(5)), then the table: address, domain, its parents with a leading dot, "*" (transport(5),
// TABLE SEARCH ORDER).
class ExportedTables {
 public:
  explicit ExportedTables(const PolicySet& set) {
    read_table(export_transport_table(set, kTargets));
    read_regexps(export_transport_regexp(set, kTargets));
  }

  // The transport; empty: the mail server's own route.
  [[nodiscard]] std::string lookup(const std::string& address) const {
    for (const auto& [regexp, target] : regexps_) {
      if (::regexec(regexp.get(), address.c_str(), 0, nullptr, 0) == 0) return target;
    }
    return table_lookup(address);
  }

  [[nodiscard]] std::string table_lookup(std::string address) const {
    for (char& c : address) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const std::size_t at = address.rfind('@');
    std::string key = at == std::string::npos ? address : address.substr(at + 1);
    while (true) {
      if (const auto found = table_.find(key); found != table_.end())
        return found->second == ":" ? "" : found->second;
      if (key == "*") return {};
      const std::size_t dot = key.find('.', 1);
      key = dot == std::string::npos ? "*" : key.substr(dot);
    }
  }

 private:
  struct Free {
    void operator()(regex_t* regexp) const {
      ::regfree(regexp);
      delete regexp;
    }
  };

  void read_table(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('#')) continue;
      const std::size_t tab = line.find('\t');
      BOOST_REQUIRE(tab != std::string::npos);
      BOOST_TEST(table_.emplace(line.substr(0, tab), line.substr(tab + 1)).second);
    }
  }

  void read_regexps(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('#')) continue;
      const std::size_t end = line.rfind("/ ");
      BOOST_REQUIRE(line.starts_with('/') && end != std::string::npos);
      std::unique_ptr<regex_t, Free> regexp(new regex_t);
      BOOST_REQUIRE(::regcomp(regexp.get(), line.substr(1, end - 1).c_str(),
                              REG_EXTENDED | REG_ICASE | REG_NOSUB) == 0);
      regexps_.emplace_back(std::move(regexp), line.substr(end + 2));
    }
  }

  std::map<std::string, std::string> table_;
  std::vector<std::pair<std::unique_ptr<regex_t, Free>, std::string>> regexps_;
};

std::string socketmap_transport(const PolicySet& set, const std::string& address) {
  const auto reply = transport_lookup(&set, kTargets, address);
  BOOST_TEST((reply.status == SocketmapStatus::ok || reply.status == SocketmapStatus::notfound));
  return reply.status == SocketmapStatus::ok ? reply.text : std::string();
}

constexpr auto kRules =
    "partner.example seal account=a\n"
    ".partner.example seal account=a\n"
    ".internal.partner.example none\n"
    "x.internal.partner.example auth account=b\n"
    "legacy.example seal account=a profile=exchange-5.5 strength=40\n"
    "seven.example seal account=a body=7bit\n"
    "döm.example seal account=c\n"
    ".döm.example none\n"
    "exempt.example none\n"
    "[192.0.2.1] seal account=d\n";

BOOST_AUTO_TEST_SUITE(policy_transport_table)

BOOST_AUTO_TEST_CASE(without_a_trustworthy_map_every_answer_is_temporary) {
  for (const std::string key : {"user@partner.example", "user@else.example", "*", ""}) {
    const auto reply = transport_lookup(nullptr, kTargets, key);
    BOOST_TEST((reply.status == SocketmapStatus::temp));
    BOOST_TEST(!reply.text.empty());
  }
}

BOOST_AUTO_TEST_CASE(listed_domains_lead_to_the_relay_and_others_do_not) {
  const auto set = policy_set(kRules);
  const std::pair<const char*, const char*> cases[] = {
      {"user@partner.example", "smtpseal:unix:relay"},
      {"user@SUB.Partner.Example", "smtpseal:unix:relay"},
      {"user@legacy.example", "smtpseal:unix:relay-7bit"},
      {"user@seven.example", "smtpseal:unix:relay-7bit"},
      {"user@ｌegacy。example", "smtpseal:unix:relay-7bit"},
      {"user@döm.example", "smtpseal:unix:relay"},
      {"user@x.döm.example", ""},
      {"user@exempt.example", ""},
      {"user@y.internal.partner.example", ""},
      {"user@x.internal.partner.example", "smtpseal:unix:relay"},
      {"user@else.example", ""},
      {"*", ""},
      {"user%legacy.example@else.example", "smtpseal:unix:relay-7bit"},
      {"user@☃.example", "smtpseal:unix:relay"},
  };
  for (const auto& [address, wanted] : cases) {
    BOOST_TEST_CONTEXT(address) {
      BOOST_TEST(socketmap_transport(set, address) == wanted);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_table_has_a_line_for_every_rule_and_spelling) {
  const auto text = export_transport_table(policy_set(kRules), kTargets);
  for (const std::string line :
       {"\npartner.example\tsmtpseal:unix:relay\n", "\n.internal.partner.example\t:\n",
        "\nlegacy.example\tsmtpseal:unix:relay-7bit\n", "\nxn--dm-fka.example\tsmtpseal:unix:relay\n",
        "\ndöm.example\tsmtpseal:unix:relay\n", "\n.döm.example\t:\n",
        "\n[192.0.2.1]\tsmtpseal:unix:relay\n"}) {
    BOOST_TEST(contains(text, line), line);
  }
  BOOST_TEST(text.starts_with("# "));
  BOOST_TEST(contains(text, "10 rules of domains"));
}

BOOST_AUTO_TEST_CASE(an_empty_map_exports_no_entry) {
  const auto set = policy_set("# nothing\n");
  for (const auto& text : {export_transport_table(set, kTargets), export_transport_regexp(set, kTargets)}) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) BOOST_TEST(line.starts_with('#'));
  }
  BOOST_TEST(!contains(export_transport_regexp(policy_set("a.example none\n"), kTargets), "\n/"));
}

// Addresses put together from parts: local parts that may hide a domain, domains in many spellings.
class Addresses {
 public:
  std::string next() {
    const std::string domain = pick(kDomains);
    switch (random_() % 8) {
      case 0:
        return "user%" + pick(kDomains) + "@" + domain;
      case 1:
        return pick(kDomains) + "!user@" + domain;
      case 2:
        return "\"user@" + pick(kDomains) + "\"@" + domain;
      case 3:
        return "user%" + pick(kDomains) + "%x@" + domain;
      case 4:
        return "a!" + pick(kDomains) + ".!user%b@" + domain;
      case 5:
        return pick(kDomains) + "@" + domain;
      default:
        return pick(kLocals) + "@" + domain;
    }
  }

 private:
  std::string pick(std::span<const char* const> words) { return words[random_() % words.size()]; }

  static constexpr const char* kLocals[] = {"user",   "USER", "a.b",     "bounce+x=partner.example",
                                            "user%x", "a!b",  "\"q q\"", "ü"};
  static constexpr const char* kDomains[] = {"partner.example",
                                             "PARTNER.Example",
                                             "sub.partner.example",
                                             "a.b.partner.example",
                                             "notpartner.example",
                                             "internal.partner.example",
                                             "y.internal.partner.example",
                                             "x.internal.partner.example",
                                             "legacy.example",
                                             "seven.example",
                                             "döm.example",
                                             "xn--dm-fka.example",
                                             "XN--DM-FKA.example",
                                             "x.döm.example",
                                             "exempt.example",
                                             "else.example",
                                             "else.test",
                                             "example",
                                             "[192.0.2.1]",
                                             "[192.0.2.2]",
                                             "partner.example.test",
                                             "köln.example",
                                             "partnerXexample",
                                             "ｐartner.example",
                                             "partner。example",
                                             "par\xC2\xADtner.example",
                                             "\xF0\x9D\x95\xA1"
                                             "artner.example",
                                             "do\xCC\x88m.example"};
  std::mt19937 random_{20240229};
};

// Where the exported tables may err towards the relay (transport_table.hpp).
bool names_exempt_or_mapped(const std::string& address) {
  const auto local = address.substr(0, address.rfind('@'));
  for (const std::string exempt : {"y.internal.partner.example", "x.döm.example"}) {
    if (contains(local, exempt)) return true;
  }
  for (const std::string mapped : {"\xEF\xBD", "\xE3\x80\x82", "\xCC\x88", "\xC2\xAD", "\xF0\x9D"}) {
    if (contains(address, mapped)) return true;
  }
  return false;
}

void check_agreement(const PolicySet& set) {
  const ExportedTables exported(set);
  Addresses addresses;
  for (int i = 0; i < 20000; ++i) {
    const auto address = addresses.next();
    const auto live = socketmap_transport(set, address);
    const auto frozen = exported.lookup(address);
    if (!live.empty() && frozen.empty()) BOOST_ERROR("the exported tables leak " << address);
    if (live.empty() && !frozen.empty() && !names_exempt_or_mapped(address)) {
      BOOST_ERROR("the exported tables send to the relay " << address);
    }
  }
}

BOOST_AUTO_TEST_CASE(exported_tables_and_socketmap_agree) {
  check_agreement(policy_set(kRules));
  check_agreement(policy_set("partner.example auth account=a\n"));
  check_agreement(policy_set(".example none\n.partner.example seal account=a\n"));
  check_agreement(policy_set("* seal account=a\npartner.example seal account=b body=7bit\n"));
  check_agreement(policy_set("exempt.example none\n"));
}

BOOST_AUTO_TEST_CASE(plain_addresses_have_the_same_transport_in_both) {
  const auto set = policy_set(kRules);
  const ExportedTables exported(set);
  for (const std::string domain :
       {"partner.example", "x.partner.example", "legacy.example", "seven.example", "döm.example",
        "xn--dm-fka.example", "x.internal.partner.example", "exempt.example", "else.test"}) {
    BOOST_TEST(exported.lookup("User@" + domain) == socketmap_transport(set, "User@" + domain), domain);
  }
}

std::string utf8(char32_t point) {
  std::string text;
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x800) {
    text += static_cast<char>(0xC0 | (point >> 6));
  } else if (point < 0x10000) {
    text += static_cast<char>(0xE0 | (point >> 12));
    tail(6);
  } else {
    text += static_cast<char>(0xF0 | (point >> 18));
    tail(12);
    tail(6);
  }
  tail(0);
  return text;
}

BOOST_AUTO_TEST_CASE(no_character_can_spell_a_listed_domain_past_the_exported_tables) {
  const auto set = policy_set("partner.example seal account=a\n");
  const ExportedTables exported(set);
  unsigned mapped = 0;
  const auto check_range = [&](char32_t first, char32_t last) {
    for (char32_t point = first; point <= last; ++point) {
      if (point >= 0xD800 && point <= 0xDFFF) continue;
      const auto domain = canonical_domain("a" + utf8(point) + "b.test");
      if (!domain || contains(*domain, "xn--")) continue;
      ++mapped;
      BOOST_TEST(!exported.lookup("user@a" + utf8(point) + "b.test").empty(),
                 "U+" << std::hex << std::uint32_t{point});
    }
  };
  check_range(0x80, 0x1FFFF);
  check_range(0xE0000, 0xE0FFF);
  BOOST_TEST(mapped > 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::policy
