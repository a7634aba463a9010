#include "smtpseal/status/session_lookup.hpp"

#include <boost/test/unit_test.hpp>

#include "smtpseal/status/status_header.hpp"

using namespace smtpseal;
using namespace smtpseal::status;
using postfix::SocketmapReply;
using postfix::SocketmapStatus;
using session::Protection;

BOOST_AUTO_TEST_SUITE(session_lookup)

BOOST_AUTO_TEST_CASE(makes_one_key_of_both_ends) {
  BOOST_TEST(*session_key({"192.0.2.7", "40112"}, {"192.0.2.2", "25"}) == "192.0.2.7:40112 192.0.2.2:25");
  const std::string six = "[2001:db8::7]:40112 [2001:db8::2]:25";
  BOOST_TEST(*session_key({"2001:db8::7", "40112"}, {"2001:db8::2", "25"}) == six);
  BOOST_TEST(*session_key({"IPv6:2001:db8::7", "40112"}, {"IPV6:2001:db8::2", "25"}) == six);
}

BOOST_AUTO_TEST_CASE(makes_no_key_of_what_is_no_end) {
  const End good{"192.0.2.2", "25"};
  for (const End& bad : {End{"", "25"}, End{"192.0.2.7", ""}, End{"192.0.2.7", "0"}, End{"192.0.2.7", "x"},
                         End{"192.0.2.7", "123456"}, End{"192.0.2.7", "2 5"}, End{"mail.example", "25"},
                         End{"192.0.2.7 192.0.2.8", "25"}, End{"IPv6:", "25"}, End{"unknown", "25"}}) {
    BOOST_TEST(!session_key(bad, good), bad.address << " " << bad.port);
    BOOST_TEST(!session_key(good, bad), bad.address << " " << bad.port);
  }
}

BOOST_AUTO_TEST_CASE(reads_what_the_relay_says) {
  session::SessionSecurity had;
  had.protection = Protection::sealed;
  had.mechanism = "NTLM";
  had.account = "CORP\\MX";
  had.response = ntlm::Response::ntlmv2;
  had.bits = 128;
  had.octets_sealed = 7;
  had.octets_unsealed = 9;
  const auto got = session_from(SocketmapReply{SocketmapStatus::ok, format_session(had)});
  BOOST_REQUIRE(got.has_value());
  BOOST_TEST((got->protection == Protection::sealed));
  BOOST_TEST(got->account == "CORP\\MX");
  BOOST_TEST(got->mechanism == "NTLM");
  BOOST_TEST(got->bits == 128U);
  BOOST_TEST(got->octets_sealed == 7U);
  BOOST_TEST(got->octets_unsealed == 9U);
}

BOOST_AUTO_TEST_CASE(not_found_is_another_session_and_all_else_is_unknown) {
  BOOST_TEST(!session_from(SocketmapReply{SocketmapStatus::notfound, ""}).has_value());
  const Result<SocketmapReply> answers[] = {
      SocketmapReply{SocketmapStatus::temp, "later"},
      SocketmapReply{SocketmapStatus::perm, "never"},
      SocketmapReply{SocketmapStatus::ok, ""},
      SocketmapReply{SocketmapStatus::ok, "sealed as houses"},
      make_error_code(boost::system::errc::connection_refused),
  };
  for (const auto& answer : answers) {
    const auto got = session_from(answer);
    BOOST_REQUIRE(got.has_value());
    BOOST_TEST((got->protection == Protection::unknown));
    BOOST_TEST(!got->unknown_reason.empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()
