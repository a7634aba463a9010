#include "smtpseal/policy/address.hpp"

#include <boost/test/unit_test.hpp>

namespace smtpseal::policy {
namespace {

BOOST_AUTO_TEST_SUITE(policy_address)

struct DomainCase {
  std::string text;
  std::string canonical;
};

BOOST_AUTO_TEST_CASE(every_spelling_of_a_domain_has_one_canonical_form) {
  const DomainCase cases[] = {
      {"partner.example", "partner.example"},
      {"PARTNER.Example", "partner.example"},
      {"partner.example.", "partner.example"},
      {"döm.example", "xn--dm-fka.example"},
      {"DÖM.example", "xn--dm-fka.example"},
      {"do\xCC\x88m.example", "xn--dm-fka.example"},
      {"xn--dm-fka.example", "xn--dm-fka.example"},
      {"XN--DM-FKA.EXAMPLE", "xn--dm-fka.example"},
      {"ｐａｒｔｎｅｒ．ｅｘａｍｐｌｅ", "partner.example"},
      {"partner。example", "partner.example"},
      {"partner｡example．", "partner.example"},
      {"par\xC2\xADtner.example", "partner.example"},
      {"par\xE2\x80\x8Btner.example", "partner.example"},
      {"ⓟⓐⓡⓣⓝⓔⓡ.example", "partner.example"},
      {"\xF0\x9D\x95\xA1"
       "artner.example",
       "partner.example"},
      {"straße.example", "xn--strae-oqa.example"},
      {"under_score.Example", "under_score.example"},
      {"-odd-.example", "-odd-.example"},
      {"ab--cd.example", "ab--cd.example"},
      {"a+b.example", "a+b.example"},
      {"localhost", "localhost"},
      {"xn--not!punycode", ""},
      {"[192.0.2.1]", "[192.0.2.1]"},
      {"[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"},
      {"[ipv6:2001:0db8:0:0:0:0:0:1]", "[ipv6:2001:db8::1]"},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.text) {
      const auto result = canonical_domain(c.text);
      BOOST_TEST((result ? *result : std::string()) == c.canonical);
    }
  }
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_domain) {
  const std::string cases[] = {
      "",
      ".",
      "..",
      ".partner.example",
      "partner..example",
      "partner.example..",
      "partner example",
      " partner.example",
      "partner.example ",
      "partner\texample",
      std::string("partner\0.example", 16),
      "partner@example",
      "partner%example",
      "part!ner.example",
      "\"partner.example\"",
      "part\\ner.example",
      "partner.example>",
      "partner.example:25",
      "partner,example",
      "foo＠partner.example",
      "☃.example",
      "-ö.example",
      "ö..example",
      "\xC3.example",
      "\xFF\xFE",
      "\xC0\xAE.example",
      "[",
      "]",
      "[]",
      "[partner.example]",
      "[192.0.2.1",
      "[192.0.2]",
      "[192.0.2.256]",
      "[192.000.002.001]",
      "[2001:db8::1]",
      "[IPv6:]",
      "[IPv6:192.0.2.1]",
      "[IPv6:2001:db8::1]x",
      std::string(64, 'a') + ".example",
      std::string(2000, 'a'),
      std::string(300, '\xC3'),
  };
  for (const auto& text : cases) {
    BOOST_TEST_CONTEXT(text) {
      const auto result = canonical_domain(text);
      BOOST_TEST(!result);
      if (!result) BOOST_TEST(result.error() == make_error_code(errc::bad_domain));
    }
  }
}

BOOST_AUTO_TEST_CASE(length_limits_are_those_of_dns) {
  const std::string label(63, 'a');
  const std::string name = label + "." + label + "." + label + "." + std::string(61, 'b');
  BOOST_REQUIRE_EQUAL(name.size(), 253U);
  BOOST_TEST(canonical_domain(name).has_value());
  BOOST_TEST(canonical_domain(name + ".").has_value());
  BOOST_TEST(!canonical_domain(name + "b").has_value());
  BOOST_TEST(canonical_domain(label).has_value());
}

BOOST_AUTO_TEST_CASE(canonical_form_is_its_own_canonical_form) {
  for (const std::string text :
       {"DÖM.example", "[IPv6:2001:DB8:0::1]", "A_b.Example.", "ｆｕｌｌ。example"}) {
    const auto once = canonical_domain(text).value();
    BOOST_TEST(canonical_domain(once).value() == once);
  }
}

struct AddressCase {
  std::string address;
  std::string domain;
  std::vector<std::string> hidden;
};

void check(const AddressCase& c) {
  BOOST_TEST_CONTEXT(c.address) {
    const auto result = address_domains(c.address);
    BOOST_REQUIRE(result.has_value());
    BOOST_TEST(result->domain == c.domain);
    BOOST_TEST(result->hidden == c.hidden, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(finds_the_domain_behind_the_last_unquoted_at) {
  check({"user@partner.example", "partner.example", {}});
  check({"User+ext@SUB.Partner.Example.", "sub.partner.example", {}});
  check({"user@döm.example", "xn--dm-fka.example", {}});
  check({"üser@partner.example", "partner.example", {}});
  check({"user@[192.0.2.1]", "[192.0.2.1]", {}});
  check({"\"quoted user\"@partner.example", "partner.example", {}});
  check({"\"\"@partner.example", "partner.example", {}});
  check({"\"a\\\"b\"@partner.example", "partner.example", {}});
}

BOOST_AUTO_TEST_CASE(address_without_at_has_no_domain) {
  check({"", "", {}});
  check({"*", "", {}});
  check({"postmaster", "", {}});
  check({"partner.example", "", {}});
  check({"user%partner.example", "", {"partner.example"}});
  check({"\"user@partner.example\"", "", {"partner.example"}});
  check({"user\\@partner.example", "", {"partner.example"}});
}

BOOST_AUTO_TEST_CASE(finds_every_domain_the_local_part_names) {
  check({"user%sub.example.com@alpha.test", "alpha.test", {"sub.example.com"}});
  check({"user%SUB.Example.COM.@alpha.test", "alpha.test", {"sub.example.com"}});
  check({"user%a.example%b.example@c.example", "c.example", {"a.example", "b.example"}});
  check({"a.example!b.example!user@c.example", "c.example", {"a.example", "b.example"}});
  check({"a.example!user%b.example@c.example", "c.example", {"a.example", "b.example"}});
  check({"\"user@b.example\"@c.example", "c.example", {"b.example"}});
  check({"\"user%b.example\"@c.example", "c.example", {"b.example"}});
  check({"\"b.example!user\"@c.example", "c.example", {"b.example"}});
  check({"user%\"b.example\"@c.example", "c.example", {"b.example"}});
  check({"user%b\".example\"@c.example", "c.example", {"b.example"}});
  check({"\"user\\@b.example\"@c.example", "c.example", {"b.example"}});
  check({"\"user%b\\.exa\\mple\"@c.example", "c.example", {"b.example"}});
  check({"user%(comment)b.example@c.example", "c.example", {"comment", "b.example"}});
  check({"user@b.example@c.example", "c.example", {"b.example"}});
  check({"@a.example,@b.example:user@c.example", "c.example", {"a.example", "b.example", "user"}});
  check({"user%döm.example@c.example", "c.example", {"xn--dm-fka.example"}});
  check({"user%[192.0.2.1]@c.example", "c.example", {"[192.0.2.1]"}});
  check({"[ipv6:2001:db8::1]!user@c.example", "c.example", {"[ipv6:2001:db8::1]"}});
}

BOOST_AUTO_TEST_CASE(user_names_are_not_taken_for_domains) {
  check({"john.partner.example@c.example", "c.example", {}});
  check({"john.b.example%x@c.example", "c.example", {"x"}});
  check({"a!john.b.example@c.example", "c.example", {"a"}});
  check({"bounce+user=b.example@c.example", "c.example", {}});
  check({"%@c.example", "c.example", {}});
  check({"!@c.example", "c.example", {}});
  check({"100%@c.example", "c.example", {}});
}

BOOST_AUTO_TEST_CASE(refuses_addresses_without_a_meaning) {
  const std::pair<std::string, errc> cases[] = {
      {"user@", errc::bad_domain},
      {"user@.", errc::bad_domain},
      {"user@a b", errc::bad_domain},
      {"user@\"partner.example\"", errc::bad_domain},
      {"user@par\\tner.example", errc::bad_domain},
      {"user@[partner.example]", errc::bad_domain},
      {"<user@partner.example>", errc::bad_domain},
      {"user@partner.example,other@x.example>", errc::bad_domain},
      {"user@☃.example", errc::bad_domain},
      {"user@\xFF.example", errc::bad_domain},
      {"\"user@partner.example", errc::bad_address},
      {"us\"er@partner.example", errc::bad_address},
      {"user\r\n@partner.example", errc::bad_address},
      {std::string("us\0er@partner.example", 21), errc::bad_address},
      {"user\x7F@partner.example", errc::bad_address},
      {std::string(3000, 'a') + "@partner.example", errc::bad_address},
  };
  for (const auto& [address, error] : cases) {
    BOOST_TEST_CONTEXT(address) {
      const auto result = address_domains(address);
      BOOST_TEST(!result);
      if (!result) BOOST_TEST(result.error() == make_error_code(error));
    }
  }
}

BOOST_AUTO_TEST_CASE(any_cut_of_an_address_is_handled) {
  const std::string address = "@a.example,\"q\\\"@b\":x!u%d%[ipv6:::1]@döm.example";
  for (std::size_t size = 0; size <= address.size(); ++size) {
    // Whether it is refused differs; that it returns, and within its limits, is the claim.
    const auto result = address_domains(address.substr(0, size));
    if (result) BOOST_TEST(result->domain.size() <= 253U);
  }
}

BOOST_AUTO_TEST_CASE(errors_have_a_text_and_a_category) {
  BOOST_TEST(make_error_code(errc::bad_domain).message() == "not a usable domain name");
  BOOST_TEST(make_error_code(errc::bad_address).message() == "not a usable mail address");
  BOOST_TEST(std::string(category().name()) == "smtpseal.policy");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::policy
