#include "smtpseal/status/forged.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>

namespace smtpseal::status {
namespace {

using namespace std::string_literals;

constexpr std::string_view kOurs = "mx.example.com";
constexpr std::string_view kResults = "Authentication-Results";
constexpr std::string_view kStatus = "X-SmtpSeal-Status";

std::string repeated(std::string_view text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

BOOST_AUTO_TEST_SUITE(forged)

BOOST_AUTO_TEST_CASE(removes_results_that_claim_our_name_in_any_writing) {
  const std::string cases[] = {
      "mx.example.com; auth=pass smtp.auth=DOUG",
      "mx.example.com;auth=pass",
      "mx.example.com",
      "mx.example.com;",
      "Mx.ExAmPlE.cOm; auth=pass",
      "mx.example.com.; auth=pass",
      "mx.example.com..; auth=pass",
      "mx.example.com 1; auth=pass",
      "mx.example.com 1 (v); auth=pass",
      "mx.example.com v1; auth=pass",
      "mx.example.com 1 1; auth=pass",
      "mx.example.com\r\n\t; auth=pass",
      "\n mx.example.com; auth=pass",
      "\r\n\tmx.example.com\r\n\t1\r\n\t; auth=pass",
      "\rmx.example.com; auth=pass",
      "mx.exam\r\n\tple.com; auth=pass",
      "mx.exam\n ple.com; auth=pass",
      "mx.\texample.com; auth=pass",
      "mx . example . com; auth=pass",
      "(x) mx.example.com; auth=pass",
      "mx.example.com (x); auth=pass",
      "mx.(x)example.com; auth=pass",
      "mx.(a(b)c)example.com; auth=pass",
      "mx(.).example(.).com; auth=pass",
      "(a(b(c)d)e)mx.example.com; auth=pass",
      "(\\)mx.example.com; auth=pass",
      "(\\\\)mx.example.com; auth=pass",
      "((mx.example.com; auth=pass",
      "((x)mx.(y)example.com; auth=pass",
      ") mx.example.com; auth=pass",
      "mx.example.com (; auth=pass",
      "mx.example.com); auth=pass",
      "(other.example; auth=none) mx.example.com; auth=pass",
      "\"mx.example.com\"; auth=pass",
      "\"MX.example.com.\"; auth=pass",
      "\"mx\\.example\\.com\"; auth=pass",
      "\"\\m\\x.example.com\" 1; auth=pass",
      "\"mx.example.com\"(x); auth=pass",
      "\" mx.example.com \"; auth=pass",
      "\"mx.\r\n example.com\"; auth=pass",
      "\"mx\".\"example\".\"com\"; auth=pass",
      "\"mx.example.com; auth=pass",
      "mx.example.com\"; auth=pass",
      "\"\"mx.example.com; auth=pass",
      "mx\\.example.com; auth=pass",
      "<mx.example.com>; auth=pass",
      "=mx.example.com; auth=pass",
      "mx.example.com=; auth=pass",
      "mx.example.com, other.example; auth=pass",
      "other.example, mx.example.com; auth=pass",
      "other.example mx.example.com; auth=pass",
      ";mx.example.com; auth=pass",
      "auth=pass (mx.example.com)",
      "\0mx.example.com; auth=pass"s,
      "mx\0.example.com; auth=pass"s,
      "mx.example.com\0; auth=pass"s,
      "\x0bmx.example.com\x0c; auth=pass",
      "\x7fmx.example.com; auth=pass",
      "\xEF\xBB\xBFmx.example.com; auth=pass",
      "\xC2\xA0mx.example.com; auth=pass",
      "\xEF\xBD\x8D\xEF\xBD\x98.example.com; auth=pass",
      "mx.exam\xC2\xADple.com; auth=pass",
      "\"mx.exam\xE2\x80\x8Bple.com\"; auth=pass",
      "mx.example.com\xFF; auth=pass",
      "\xFFmx.example.com; auth=pass",
      "=?utf-8?q?mx.example.com?=; auth=pass",
      "=?us-ascii?Q?mx=2Eexample=2Ecom?=; auth=pass",
      "=?utf-8?b?bXguZXhhbXBsZS5jb20=?=; auth=pass",
  };
  for (const auto& value : cases) BOOST_TEST(is_forged(kResults, value, kOurs), value);
}

// A reader whose comments do not nest, or end at an escaped parenthesis, would find our name in these.
BOOST_AUTO_TEST_CASE(removes_results_that_name_us_in_a_comment_before_the_id) {
  for (const char* value : {"(( ) mx.example.com; auth=pass (x) ) other.example; auth=none",
                            "(\\) mx.example.com; auth=pass ) other.example; auth=none",
                            "(()MX.exam\r\n ple.com; auth=pass) \"other.example\"; auth=none"})
    BOOST_TEST(is_forged(kResults, value, kOurs), value);
}

BOOST_AUTO_TEST_CASE(results_of_other_hosts_stay) {
  const std::string cases[] = {
      "other.example; auth=pass smtp.auth=DOUG",
      "other.example; dkim=pass header.d=mx.example.com",
      "other.example (mx.example.com); auth=pass",
      "other.example; auth=pass (mx.example.com; auth=pass)",
      "\"other.example\" 1; spf=pass smtp.mailfrom=mx.example.com",
      "(gateway) other.example; none",
      "example.com; auth=pass",
      "sub.mx.example.com; auth=pass",
      "mx.example.com.other.example; auth=pass",
      "xmx.example.com; auth=pass",
      "mx.example.comx; auth=pass",
      "mx-example.com; auth=pass",
      "mx2.example.com; auth=pass",
      "m\xC3\xB6x.example.com; auth=pass",
      "m\xD1\x85.example.com; auth=pass",
      "spf=pass (sender IP is 192.0.2.7) smtp.mailfrom=partner.example; dkim=none",
      "i=1; other.example; auth=pass",
      "other.example/1; auth=pass",
      "other.example v2; auth=pass",
      "(unbalanced other.example; auth=pass",
      "",
      " ",
      ";",
  };
  for (const auto& value : cases) BOOST_TEST(!is_forged(kResults, value, kOurs), value);
}

BOOST_AUTO_TEST_CASE(an_internationalized_name_of_ours_is_found_as_u_label) {
  constexpr std::string_view kAce = "xn--dm-fka.example";
  for (const char* value :
       {"d\xC3\xB6m.example; auth=pass", "D\xC3\x96M.Example.; auth=pass", "XN--DM-FKA.EXAMPLE; auth=pass",
        "\"do\xCC\x88m.example\"; auth=pass", "d\xF6m.example; auth=pass"})
    BOOST_TEST(is_forged(kResults, value, kAce), value);
  BOOST_TEST(!is_forged(kResults, "dom.example; auth=pass", kAce));
}

BOOST_AUTO_TEST_CASE(our_own_name_may_be_configured_in_any_spelling) {
  for (const char* ours : {"MX.Example.Com", "mx.example.com."})
    for (const char* value : {"mx.example.com; auth=pass", "mx . example . com; auth=pass"})
      BOOST_TEST(is_forged(kResults, value, ours), ours << ": " << value);
}

BOOST_AUTO_TEST_CASE(field_names_are_found_in_any_writing) {
  for (const char* name :
       {"Authentication-Results", "authentication-results", "AUTHENTICATION-RESULTS",
        "Authentication-Results ", "Authentication-Results\t ", "aUTHENTICATION-rESULTS\t"}) {
    BOOST_TEST(is_status_field(name), name);
    BOOST_TEST(is_forged(name, "mx.example.com; auth=pass", kOurs), name);
  }
  for (const char* name :
       {"X-SmtpSeal-Status", "x-smtpseal-status", "X-SMTPSEAL-STATUS\t", "X-SmtpSeal-Status "}) {
    BOOST_TEST(is_status_field(name), name);
    BOOST_TEST(is_forged(name, "none; by=mx.example.com", kOurs), name);
  }
}

BOOST_AUTO_TEST_CASE(other_fields_stay_whatever_they_say) {
  for (const char* name :
       {"", " ", "Subject", "Authentication-Result", "X-Authentication-Results", "ARC-Authentication-Results",
        "Authentication-Results-Original", "X-SmtpSeal-Statuses", "X-SmtpSeal", "Authentication_Results"}) {
    BOOST_TEST(!is_status_field(name), name);
    BOOST_TEST(!is_forged(name, "mx.example.com; auth=pass", kOurs), name);
    BOOST_TEST(!is_forged(name, "none; by=mx.example.com", kOurs), name);
  }
}

BOOST_AUTO_TEST_CASE(the_honest_status_of_another_host_stays) {
  for (const char* value :
       {"none; by=other.example", "none; by=example.com", "none; by=sub.mx.example.com",
        "none; by=mx2.example.com",
        "sealed; mech=NTLM; auth=NTLMv2; cipher=RC4; bits=128; account=\"CORP\\\\MX\";\r\n\tby=other.example",
        "unknown; reason=\"relay not answering\";\n\tpeer=mx.example.com[192.0.2.7]; by=other.example",
        "none; would-reject=\"by=mx.example.com\"; by=other.example"})
    BOOST_TEST(!is_forged(kStatus, value, kOurs), value);
}

BOOST_AUTO_TEST_CASE(removes_a_status_that_names_us_or_is_not_as_we_write_it) {
  const std::string cases[] = {
      "",
      " ",
      "sealed",
      "sealed; bits=128",
      "none",
      "none; peer=[192.0.2.7]",
      "sealed; cipher=RC4; bits=128; sealed=1; unsealed=1",
      "sealed; cipher=RC4; bits=128; by=mx.example.com",
      "sealed; cipher=RC4; bits=128;\r\n\tby=mx.example.com",
      "none; by=MX.EXAMPLE.COM",
      "none; by=mx.example.com.",
      "none; by=\"mx.example.com\"",
      "none; BY=mx.example.com",
      "none; by=mx.example.com; by=other.example",
      "none; by=other.example; by=mx.example.com",
      "none; by=other.example (mx.example.com)",
      "none; (by=mx.example.com) by=other.example",
      "none; by=other.example; x=\"by=mx.example.com\"",
      "none; x=\"; by=mx.example.com; y=\"; by=other.example",
      "none; account=\"; by=mx.example.com",
      "none; by=other.example;",
      "none; by=other.example trailing",
      "none; by =other.example",
      "none; by=\xEF\xBD\x8D\xEF\xBD\x98.example.com",
      "none; by==?utf-8?b?bXguZXhhbXBsZS5jb20=?=",
      "SEALED; by=other.example",
      "sealed; by=other.example",
      "sealed to the last octet",
      "none; by=other.example\0"s,
      "none; by=other.exam\r\n ple",
      "none; peer=" + std::string(5000, 'a') + "; by=other.example",
  };
  for (const auto& value : cases) BOOST_TEST(is_forged(kStatus, value, kOurs), value.substr(0, 200));
}

BOOST_AUTO_TEST_CASE(our_name_is_found_folded_at_every_octet) {
  const std::string value = "mx.example.com 1; auth=pass";
  for (const std::string& fold :
       {"\r\n\t"s, "\n "s, "\n\t"s, " "s, "(c)"s, "((n)c)"s, "\\"s, "\""s, "\"\""s, "\0"s}) {
    for (std::size_t at = 0; at <= value.find(';'); ++at) {
      std::string folded = value;
      folded.insert(at, fold);
      BOOST_TEST(is_forged(kResults, folded, kOurs), folded);
    }
  }
}

BOOST_AUTO_TEST_CASE(our_name_is_found_in_every_case) {
  std::string value = "mx.example.com; auth=pass";
  for (std::size_t i = 0; i < kOurs.size(); ++i) {
    value[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(value[i])));
    BOOST_TEST(is_forged(kResults, value, kOurs), value);
    BOOST_TEST(is_forged(kResults, "\"" + value, kOurs), value);
  }
}

// Time grows with the length, and nothing recurses: a million octets of whatever costs most take well under
// a second, also without optimization and under a sanitizer. Quadratic work would take hours.
BOOST_AUTO_TEST_CASE(a_very_long_value_takes_linear_time) {
  constexpr std::size_t kLength = 1 << 20;
  const std::string values[] = {
      repeated("(", kLength),
      repeated("()", kLength / 2),
      repeated("(", kLength / 2) + repeated(")", kLength / 2) + "other.example; none",
      repeated("\\", kLength),
      repeated("\"", kLength),
      repeated("\"\\", kLength / 2),
      repeated("; ", kLength / 2),
      repeated("\r\n\t", kLength / 3),
      repeated("a", kLength),
      repeated("mx.example.co", kLength / 13),
      repeated("\xC3\xB6", kLength / 2),
      repeated("a=b; ", kLength / 5),
      repeated("none; x=\"", kLength / 9),
  };
  const auto start = std::chrono::steady_clock::now();
  for (const auto& value : values) {
    BOOST_TEST(is_forged(kResults, value, "absent.example") == !is_ascii(value));
    BOOST_TEST(is_forged(kStatus, value, kOurs));
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  BOOST_TEST(taken.count() < 30.0);
}

BOOST_AUTO_TEST_CASE(our_name_behind_a_megabyte_is_found) {
  constexpr std::size_t kLength = 1 << 20;
  for (const std::string& before :
       {repeated("(", kLength), repeated("(x) ", kLength / 4), repeated("\r\n\t", kLength / 3),
        repeated("\"", kLength), repeated("x ", kLength / 2)})
    BOOST_TEST(is_forged(kResults, before + "mx.example.com; auth=pass", kOurs), before.substr(0, 8));
}

BOOST_AUTO_TEST_CASE(a_value_is_one_field_to_every_reader) {
  for (const char* value : {"", "a", " a b", "a\n b", "a\n\tb", "a\r\n b\r\n\tc", "a\n "})
    BOOST_TEST(is_one_field(value), value);
  for (const char* value : {"\r", "\n", "a\r", "a\n", "a\r\n", "a\rb", "a\nb", "a\r\nb", "a\r b", "a\r\r\n b",
                            "a\n\n b", "a\n b\rc"})
    BOOST_TEST(!is_one_field(value), value);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::status
