#include "inbound/queue_id.hpp"

#include <boost/test/unit_test.hpp>

using smtpseal::relay::queue_id_of;
using smtpseal::smtp::Reply;

BOOST_AUTO_TEST_SUITE(queue_id)

BOOST_AUTO_TEST_CASE(is_read_out_of_what_smtpd_says) {
  BOOST_TEST(queue_id_of(Reply(250, "", "2.0.0 Ok: queued as 4ABCdef12z3")) == "4ABCdef12z3");
  BOOST_TEST(queue_id_of(Reply(250, "", "2.0.0 Ok: queued as 1D3F8A2C")) == "1D3F8A2C");
}

BOOST_AUTO_TEST_CASE(is_not_read_out_of_anything_else) {
  for (const char* text :
       {"", "2.0.0 Ok", "2.0.0 Ok: queued as ", "2.0.0 Ok: queued as A B", "2.0.0 Ok: queued as A\xc3\xa4",
        "2.0.0 Ok: queued as A=1", "2.0.0 Ok: queued as ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "2.0.0 Message accepted: queued as ABC", "Ok: queued as ABC", " 2.0.0 Ok: queued as ABC"})
    BOOST_TEST(queue_id_of(Reply(250, "", text)).empty(), text);
  BOOST_TEST(queue_id_of(Reply(450, "", "2.0.0 Ok: queued as ABC")).empty());
  Reply two(250, "", "2.0.0 Ok: queued as ABC");
  two.lines.emplace_back("more");
  BOOST_TEST(queue_id_of(two).empty());
  BOOST_TEST(queue_id_of(Reply()).empty());
}

BOOST_AUTO_TEST_SUITE_END()
