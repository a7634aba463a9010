#include "inbound/backend.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal::relay;
using boost::asio::ip::make_address;

BOOST_AUTO_TEST_SUITE(xclient)

BOOST_AUTO_TEST_CASE(carries_the_whole_identity_in_one_line) {
  BOOST_TEST(format_xclient({{make_address("192.0.2.7"), 4711},
                             {make_address("192.0.2.2"), 25},
                             "mx.partner.example",
                             "helo.example",
                             true,
                             "CORP\\MX"}) ==
             "XCLIENT NAME=mx.partner.example ADDR=192.0.2.7 PORT=4711 DESTADDR=192.0.2.2 DESTPORT=25 "
             "PROTO=ESMTP HELO=helo.example "
             "LOGIN=CORP\\MX");
}

BOOST_AUTO_TEST_CASE(says_when_the_name_is_unknown_and_leaves_out_a_missing_login) {
  BOOST_TEST(format_xclient(
                 {{make_address("2001:db8::7"), 1}, {make_address("2001:db8::2"), 25}, "", "h", false, ""}) ==
             "XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::7 PORT=1 DESTADDR=IPV6:2001:db8::2 DESTPORT=25 "
             "PROTO=SMTP HELO=h");
  BOOST_TEST(format_xclient(
                 {{make_address("::ffff:192.0.2.7"), 1}, {make_address("192.0.2.2"), 25}, "", "h", true, ""})
                 .find("ADDR=192.0.2.7 ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(gives_no_name_that_smtpd_would_take_for_malformed) {
  for (const char* name :
       {"-a.example", "a..example", "a/b.example", "*.example", "a.-b.example", "a.example-"})
    BOOST_TEST(
        format_xclient({{make_address("192.0.2.7"), 1}, {make_address("192.0.2.2"), 25}, name, "h", true, ""})
            .starts_with("XCLIENT NAME=[UNAVAILABLE] "),
        name);
}

BOOST_AUTO_TEST_CASE(lets_no_value_add_an_attribute_or_a_line) {
  const std::string line = format_xclient({{make_address("192.0.2.7"), 1},
                                           {make_address("192.0.2.2"), 25},
                                           "a ADDR=127.0.0.1",
                                           "b\r\nMAIL FROM:<>",
                                           true,
                                           "c LOGIN=root"});
  BOOST_TEST(line.find(" ADDR=127.0.0.1") == std::string::npos);
  BOOST_TEST(line.find(" LOGIN=root") == std::string::npos);
  BOOST_TEST(line.find_first_of("\r\n") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
