#include "smtpseal/status/authentication_results.hpp"

#include <boost/test/unit_test.hpp>

namespace smtpseal::status {
namespace {

using session::Protection;
using session::SessionSecurity;
using namespace std::string_literals;

constexpr std::string_view kOurs = "mx.example.com";

SessionSecurity login(Protection protection, std::string account = "INTELLINET\\DOUG") {
  SessionSecurity security;
  security.protection = protection;
  security.mechanism = "NTLM";
  security.account = std::move(account);
  return security;
}

SessionSecurity sealed() {
  SessionSecurity security = login(Protection::sealed);
  security.bits = 128;
  security.octets_sealed = security.octets_unsealed = 1;
  return security;
}

std::string results(const SessionSecurity& security, ShowAccount show = ShowAccount::yes) {
  return format_results(kOurs, security, show);
}

BOOST_AUTO_TEST_SUITE(authentication_results)

BOOST_AUTO_TEST_CASE(a_sealed_session_passes_with_its_strength) {
  BOOST_TEST(results(sealed()) == "mx.example.com; auth=pass (NTLM, sealed 128 bits) smtp.auth=DOUG");
}

BOOST_AUTO_TEST_CASE(a_login_passes_without_a_seal) {
  BOOST_TEST(results(login(Protection::authenticated)) ==
             "mx.example.com; auth=pass (NTLM, not sealed) smtp.auth=DOUG");
}

BOOST_AUTO_TEST_CASE(a_seal_that_was_not_used_is_no_seal) {
  BOOST_TEST(results(login(Protection::sealed)) ==
             "mx.example.com; auth=pass (NTLM, not sealed) smtp.auth=DOUG");
}

BOOST_AUTO_TEST_CASE(names_tls_beside_a_login) {
  SessionSecurity security = sealed();
  security.tls = session::Tls{"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256};
  BOOST_TEST(results(security) ==
             "mx.example.com; auth=pass (NTLM, sealed 128 bits, TLSv1.3) smtp.auth=DOUG");
}

BOOST_AUTO_TEST_CASE(no_login_is_none_with_tls_or_without) {
  BOOST_TEST(results({}) == "mx.example.com; auth=none");
  SessionSecurity security;
  security.protection = Protection::tls;
  BOOST_TEST(results(security) == "mx.example.com; auth=none (TLS)");
  security.tls = session::Tls{"TLSv1.2", "X", 128};
  BOOST_TEST(results(security) == "mx.example.com; auth=none (TLSv1.2)");
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_a_temporary_error) {
  SessionSecurity security = login(Protection::unknown);
  security.unknown_reason = "relay not answering";
  BOOST_TEST(results(security) == "mx.example.com; auth=temperror");
}

BOOST_AUTO_TEST_CASE(the_account_can_be_left_out) {
  BOOST_TEST(results(sealed(), ShowAccount::no) == "mx.example.com; auth=pass (NTLM, sealed 128 bits)");
}

struct UserCase {
  std::string account;
  std::string property;
};

BOOST_AUTO_TEST_CASE(names_the_user_part_safely) {
  const UserCase cases[] = {
      {"DOUG", " smtp.auth=DOUG"},
      {"CORP\\mail-relay_1", " smtp.auth=mail-relay_1"},
      {"anna@partner.example", " smtp.auth=\"anna@partner.example\""},
      {"CORP\\mail relay", " smtp.auth=\"mail relay\""},
      {"CORP\\a[1]", " smtp.auth=\"a[1]\""},
      {"CORP\\a:1", " smtp.auth=\"a:1\""},
      {"CORP\\a\\b", " smtp.auth=\"a\\\\b\""},
      {"CORP\\x\"; dkim=pass", " smtp.auth=\"x\\\"; dkim=pass\""},
      {"CORP\\x\r\nSubject: y", " smtp.auth=\"x??Subject: y\""},
      {"CORP\\D\xC3\x96M", " smtp.auth=\"D??M\""},
      {"CORP\\" + std::string(300, 'a'), " smtp.auth=" + std::string(255, 'a')},
      {"CORP\\", ""},
      {"", ""},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.account) {
      BOOST_TEST(results(login(Protection::authenticated, c.account)) ==
                 "mx.example.com; auth=pass (NTLM, not sealed)" + c.property);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_comment_holds_no_foreign_text) {
  for (const char* odd : {"", "A B", "A)", "(", "A\\", "A\r\nB", "\xC3\x96", "AAAAAAAAAAAAAAAAAAAAA"}) {
    BOOST_TEST_CONTEXT(odd) {
      SessionSecurity security = sealed();
      security.mechanism = odd;
      security.tls = session::Tls{odd, odd, 0};
      BOOST_TEST(results(security) ==
                 "mx.example.com; auth=pass (SASL, sealed 128 bits, TLS) smtp.auth=DOUG");
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_written_claims_our_name) {
  for (const auto protection : {Protection::none, Protection::sealed, Protection::unknown})
    BOOST_TEST(authserv_id_of(results(login(protection))).value_or("") == kOurs);
}

BOOST_AUTO_TEST_CASE(an_authserv_id_is_a_dot_atom_of_bounded_length) {
  for (const std::string& good :
       {"mx.example.com"s, "localhost"s, "mx_1.example"s, "MX-1"s, "1"s, std::string(255, 'a')})
    BOOST_TEST(is_authserv_id(good), good);
  for (const std::string& bad : {""s, "mx example"s, "mx;"s, "mx\r\n"s, "\"mx\""s, "mx(x)"s, "m\xC3\xB6x"s,
                                 "mx\0"s, "mx/1"s, "[192.0.2.1]"s, std::string(256, 'a')})
    BOOST_TEST(!is_authserv_id(bad), bad);
}

struct IdCase {
  std::string value;
  std::string id;
};

BOOST_AUTO_TEST_CASE(finds_the_claimed_id_in_every_lawful_writing) {
  const IdCase cases[] = {
      {"mx.example.com; auth=pass", "mx.example.com"},
      {"mx.example.com;auth=pass", "mx.example.com"},
      {"mx.example.com; none", "mx.example.com"},
      {"mx.example.com", "mx.example.com"},
      {"MX.Example.COM; auth=pass", "MX.Example.COM"},
      {"mx.example.com.; auth=pass", "mx.example.com."},
      {"mx.example.com 1; auth=pass", "mx.example.com"},
      {"mx.example.com 1", "mx.example.com"},
      {"mx.example.com (x) 1 (y) ; auth=pass", "mx.example.com"},
      {"mx.example.com ;", "mx.example.com"},
      {" \t mx.example.com; auth=pass", "mx.example.com"},
      {"\r\n\tmx.example.com\r\n ; auth=pass", "mx.example.com"},
      {"\n mx.example.com\n\t; auth=pass", "mx.example.com"},
      {"(comment) mx.example.com; auth=pass", "mx.example.com"},
      {"(a(b)c)(d)mx.example.com(e); auth=pass", "mx.example.com"},
      {"(\\)) mx.example.com; auth=pass", "mx.example.com"},
      {"(\\() mx.example.com; auth=pass", "mx.example.com"},
      {"(other.example;) mx.example.com; auth=pass", "mx.example.com"},
      {"mx.example.com(x); auth=pass", "mx.example.com"},
      {"mx.example.com; auth=pass (unbalanced", "mx.example.com"},
      {"\"mx.example.com\"; auth=pass", "mx.example.com"},
      {"\"mx\\.exa\\mple.com\" (x) 1; auth=pass", "mx.example.com"},
      {"m\xC3\xB6x.example; auth=pass", "m\xC3\xB6x.example"},
      {"\"m\xC3\xB6x.example\"; auth=pass", "m\xC3\xB6x.example"},
      {"other.example; x=mx.example.com", "other.example"},
      {"a+b!#$%&'*^`{|}~; none", "a+b!#$%&'*^`{|}~"},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.value) {
      BOOST_TEST(authserv_id_of(c.value).value_or("(none)") == c.id);
    }
  }
}

BOOST_AUTO_TEST_CASE(cannot_tell_the_id_of_anything_else) {
  const std::string cases[] = {
      "",
      " \r\n\t",
      ";",
      "; auth=pass",
      "(only a comment)",
      "(unbalanced mx.example.com; auth=pass",
      "((a) mx.example.com; auth=pass",
      "(\\) mx.example.com; auth=pass",
      ") mx.example.com; auth=pass",
      "mx.example.com (unbalanced; auth=pass",
      "mx.example.com 1 (unbalanced; auth=pass",
      "mx.example.com auth=pass",
      "mx.example.com v1; auth=pass",
      "mx.example.com 1 2; auth=pass",
      "mx.example.com, other.example; auth=pass",
      "mx.example.com other.example; auth=pass",
      "spf=pass smtp.mailfrom=partner.example; dkim=none",
      "mx.exam\r\n\tple.com; auth=pass",
      "mx . example . com; auth=pass",
      "mx(x).example.com; auth=pass",
      "\"mx.example.com; auth=pass",
      "\"mx.example.com\\",
      "\"mx.example.com\\\"; auth=pass",
      "\"\"; auth=pass",
      "\"mx.example.com \"; auth=pass",
      "\"mx.\r\n example.com\"; auth=pass",
      "\"mx\".example.com; auth=pass",
      "mx.\"example.com\"; auth=pass",
      "\"mx.example.com\"\"x\"; auth=pass",
      "=?utf-8?q?mx.example.com?=; auth=pass",
      "<mx.example.com>; auth=pass",
      "[192.0.2.1]; auth=pass",
      "mx.example.com/1; auth=pass",
      "\0mx.example.com; auth=pass"s,
      "mx.example\0.com; auth=pass"s,
      "\x0bmx.example.com; auth=pass",
      "m\xF6x.example; auth=pass",
      "\xC0\xAE; auth=pass",
  };
  for (const auto& value : cases) BOOST_TEST(!authserv_id_of(value).has_value(), value);
}

BOOST_AUTO_TEST_CASE(one_host_has_many_spellings) {
  for (const char* same : {"mx.example.com", "MX.EXAMPLE.COM", "mx.example.com.", "Mx.Example.Com..",
                           "\xEF\xBD\x8D\xEF\xBD\x98.example.com", "mx.exam\xC2\xADple.com",
                           "mx\xE3\x80\x82"
                           "example.com"})
    BOOST_TEST(is_same_host(same, kOurs), same);
  BOOST_TEST(is_same_host("d\xC3\xB6m.example", "xn--dm-fka.example"));
  BOOST_TEST(is_same_host("XN--DM-FKA.example", "D\xC3\x96M.example."));
  BOOST_TEST(is_same_host("not a host", "Not A Host"));
}

BOOST_AUTO_TEST_CASE(another_host_is_another_host) {
  for (const char* other :
       {"", ".", "example.com", "sub.mx.example.com", "mx.example.com.evil.example", "xmx.example.com",
        "mx.example.co", "mx.example.comm", "mx-example.com", " mx.example.com", "m\xD1\x85.example.com"})
    BOOST_TEST(!is_same_host(other, kOurs), other);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::status
