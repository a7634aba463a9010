#include "smtpseal/policy/network_rules.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace smtpseal;
using namespace smtpseal::policy;
using namespace std::string_view_literals;

namespace {

NetworkRules rules_of(const std::vector<std::string>& entries) {
  std::string problem = "from before";
  NetworkRules rules = NetworkRules::parse(entries, problem);
  BOOST_REQUIRE_MESSAGE(problem.empty(), problem);
  return rules;
}

AddressOctets ip(std::string_view text) {
  const auto address = parse_ip(text);
  BOOST_REQUIRE_MESSAGE(address.has_value(), text);
  return *address;
}

constexpr AddressOctets kFour{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
constexpr AddressOctets kSix{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};

}  // namespace

BOOST_AUTO_TEST_SUITE(network_rules)

BOOST_AUTO_TEST_CASE(reads_addresses_however_they_are_written) {
  const struct {
    std::string_view text;
    AddressOctets want;
  } cases[] = {
      {"192.0.2.7", kFour},
      {"::ffff:192.0.2.7", kFour},
      {"::FFFF:c000:207", kFour},
      {"IPv6:::ffff:192.0.2.7", kFour},
      {"2001:db8::7", kSix},
      {"2001:DB8:0:0:0:0:0:7", kSix},
      {"2001:0db8:0000:0000:0000:0000:0.0.0.7", kSix},
      {"IPv6:2001:db8::7", kSix},
      {"IPV6:2001:db8::7", kSix},
      {"ipv6:2001:db8::7", kSix},
      {"2001:db8::7%eth0", kSix},
      {"IPv6:2001:db8::7%2", kSix},
      {"::", {}},
  };
  for (const auto& test : cases) {
    const auto got = parse_ip(test.text);
    BOOST_TEST((got == test.want), test.text);
  }
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_address) {
  const std::string_view cases[] = {
      "",
      " ",
      "IPv6:",
      "IPv6",
      "unknown",
      "192.0.2",
      "192.0.2.7.1",
      "192.0.2.256",
      "192.0.2.07",
      "192.0.2.0x7",
      "192.0.2.7 ",
      " 192.0.2.7",
      "192.0.2.7%eth0",
      "192.0.2.7/32",
      "192.0.2.7:25",
      "3221225991",
      "IPv6:192.0.2.7",
      "IPv4:192.0.2.7",
      "IPv6:IPv6:2001:db8::7",
      "[2001:db8::7]",
      "2001:db8::7%",
      "%eth0",
      "2001:db8::7::",
      "2001:db8:7",
      "2001:db8::12345",
      "2001:db8::g",
      "2001:db8::7\n",
      "192.0.2.7\0"sv,
      "192.0.2.7\0.1"sv,
      "2001:db8::7\0x"sv,
      "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
      "1111:2222:3333:4444:5555:6666:255.255.255.2551",
  };
  for (const std::string_view text : cases) BOOST_TEST(!parse_ip(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(takes_octets_for_the_longest_address) {
  BOOST_TEST(parse_ip("1111:2222:3333:4444:5555:6666:255.255.255.255").has_value());
}

BOOST_AUTO_TEST_CASE(knows_what_a_network_contains) {
  const struct {
    std::string_view cidr;
    unsigned length;
    std::string_view inside, outside;
  } cases[] = {
      {"192.0.2.0/24", 120, "192.0.2.255", "192.0.3.0"},
      {"192.0.2.0/24", 120, "192.0.2.0", "192.0.1.255"},
      {"192.0.2.77/24", 120, "192.0.2.1", "192.0.3.77"},
      {"192.0.2.128/25", 121, "192.0.2.128", "192.0.2.127"},
      {"192.0.2.4/31", 127, "192.0.2.5", "192.0.2.6"},
      {"192.0.2.7/32", 128, "192.0.2.7", "192.0.2.6"},
      {"192.0.2.7", 128, "::ffff:192.0.2.7", "192.0.2.8"},
      {"192.0.2.0/24", 120, "192.0.2.1", "::192.0.2.1"},
      {"128.0.0.0/1", 97, "255.255.255.255", "127.255.255.255"},
      {"0.0.0.0/0", 96, "203.0.113.9", "2001:db8::1"},
      {"::ffff:192.0.2.0/120", 120, "192.0.2.9", "192.0.3.9"},
      {"::ffff:0:0/96", 96, "203.0.113.9", "2001:db8::1"},
      {"::/0", 0, "2001:db8::1", "192.0.2.1"},
      {"::fffe:0:0/95", 95, "::fffe:0:1", "192.0.2.1"},
      {"2001:db8::/32", 32, "2001:db8:ffff::1", "2001:db9::1"},
      {"2001:db8:ffff::/33", 33, "2001:db8:8000::", "2001:db8:7fff::"},
      {"IPv6:2001:db8::/32", 32, "2001:db8::", "2001:db7::"},
      {"2001:db8::7/128", 128, "2001:db8::7%eth0", "2001:db8::6"},
      {"2001:db8::7", 128, "IPv6:2001:db8::7", "2001:db8::17"},
  };
  for (const auto& test : cases) {
    const auto network = Network::parse(test.cidr);
    BOOST_REQUIRE_MESSAGE(network.has_value(), test.cidr);
    BOOST_TEST(network->length() == test.length, test.cidr);
    BOOST_TEST(network->contains(ip(test.inside)), test.cidr << " and " << test.inside);
    BOOST_TEST(!network->contains(ip(test.outside)), test.cidr << " and " << test.outside);
  }
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_network) {
  const std::string_view cases[] = {
      "",
      "/",
      "/24",
      "192.0.2.0/",
      "192.0.2.0/33",
      "192.0.2.0/-1",
      "192.0.2.0/+24",
      "192.0.2.0/024",
      "192.0.2.0/00",
      "192.0.2.0/ 24",
      "192.0.2.0/24 ",
      "192.0.2.0/24/24",
      "192.0.2.0/255.255.255.0",
      "192.0.2.0/0x18",
      "192.0.2.0/4294967320",
      "192.0.2.0/99999999999999999999",
      "192.0.2/24",
      "IPv6:192.0.2.0/24",
      "::ffff:192.0.2.0/95",
      "::ffff:192.0.2.0/24",
      "2001:db8::/129",
      "2001:db8::/-1",
      "2001:db8::/",
      "fe80::1%eth0/64",
      "fe80::%eth0",
      "partner.example/24",
      "192.0.2.0/24\0"sv,
  };
  for (const std::string_view text : cases) BOOST_TEST(!Network::parse(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(asks_nothing_by_default) {
  const auto verdict = rules_of({}).find(ip("192.0.2.1"));
  BOOST_TEST((verdict.demand == Demand::any));
  BOOST_TEST(verdict.rule == "");
}

BOOST_AUTO_TEST_CASE(lets_the_longest_prefix_win) {
  const NetworkRules rules =
      rules_of({"0.0.0.0/0 auth", "192.0.2.128/25 seal", "192.0.2.0/24 any", "2001:db8::/32 seal"});
  const struct {
    std::string_view address;
    Demand want;
  } cases[] = {
      {"198.51.100.1", Demand::auth},       {"192.0.2.1", Demand::any},    {"192.0.2.127", Demand::any},
      {"192.0.2.128", Demand::seal},        {"2001:db8::1", Demand::seal}, {"2001:db9::1", Demand::any},
      {"::ffff:192.0.2.200", Demand::seal},
  };
  for (const auto& test : cases) BOOST_TEST((rules.find(ip(test.address)).demand == test.want), test.address);
}

BOOST_AUTO_TEST_CASE(lets_the_first_of_equal_prefixes_win) {
  std::vector<std::string> entries(40, "192.0.2.0/24 any");
  entries.insert(entries.begin(), {"0.0.0.0/0 auth", "192.0.2.1/24 seal"});
  const NetworkRules rules = rules_of(entries);
  BOOST_TEST((rules.find(ip("192.0.2.9")).demand == Demand::seal));
}

BOOST_AUTO_TEST_CASE(keeps_a_rule_for_all_of_ipv6_from_ipv4) {
  const NetworkRules rules = rules_of({"::/0 seal"});
  BOOST_TEST((rules.find(ip("192.0.2.1")).demand == Demand::any));
  BOOST_TEST((rules.find(ip("2001:db8::1")).demand == Demand::seal));
}

BOOST_AUTO_TEST_CASE(names_the_rule_that_won) {
  BOOST_TEST(rules_of({"192.0.2.0/24 seal"}).find(ip("192.0.2.9")).rule == "192.0.2.0/24 seal");
}

BOOST_AUTO_TEST_CASE(names_the_entry_that_is_no_rule) {
  for (const std::string bad :
       {"", " ", "192.0.2.0/24", "192.0.2.0/24 ", "192.0.2.0/24 maybe", "192.0.2.0/24 Seal",
        "192.0.2.0/24  seal", "192.0.2.0/24\tseal", " 192.0.2.0/24 seal", "192.0.2.0/33 seal", "seal",
        "host seal", "192.0.2.0 seal extra", "192.0.2.0 seal ", "2001:db8::/129 any"}) {
    std::string problem;
    const NetworkRules rules = NetworkRules::parse({"0.0.0.0/0 seal", bad}, problem);
    BOOST_TEST(problem.starts_with("\"" + bad + "\": expected "), bad);
    BOOST_TEST((rules.find(ip("192.0.2.1")).demand == Demand::any), bad);
  }
}

BOOST_AUTO_TEST_CASE(names_demands_as_rules_do) {
  BOOST_TEST(name(Demand::any) == "any");
  BOOST_TEST(name(Demand::auth) == "auth");
  BOOST_TEST(name(Demand::seal) == "seal");
}

BOOST_AUTO_TEST_CASE(no_identity_satisfies_only_any) {
  const session::SessionSecurity plain;
  BOOST_TEST(satisfies(plain, Demand::any));
  BOOST_TEST(!satisfies(plain, Demand::auth));
  BOOST_TEST(!satisfies(plain, Demand::seal));
}

BOOST_AUTO_TEST_CASE(tls_alone_satisfies_only_any) {
  session::SessionSecurity security;
  security.protection = session::Protection::tls;
  security.tls = session::Tls{"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256};
  BOOST_TEST(!satisfies(security, Demand::auth));
  BOOST_TEST(!satisfies(security, Demand::seal));
}

BOOST_AUTO_TEST_CASE(authentication_alone_is_no_seal) {
  session::SessionSecurity security;
  security.protection = session::Protection::authenticated;
  security.account = "PARTNER";
  BOOST_TEST(satisfies(security, Demand::auth));
  BOOST_TEST(!satisfies(security, Demand::seal));
  security.protection = session::Protection::sealed;
  BOOST_TEST(satisfies(security, Demand::auth));
  BOOST_TEST(satisfies(security, Demand::seal));
}

BOOST_AUTO_TEST_CASE(what_is_unknown_satisfies_only_any) {
  session::SessionSecurity security;
  security.protection = session::Protection::unknown;
  security.account = "PARTNER";
  BOOST_TEST(satisfies(security, Demand::any));
  BOOST_TEST(!satisfies(security, Demand::auth));
  BOOST_TEST(!satisfies(security, Demand::seal));
}

BOOST_AUTO_TEST_SUITE_END()
