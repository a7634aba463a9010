#include "smtpseal/plain_text.hpp"

#include <boost/test/unit_test.hpp>

namespace smtpseal {

BOOST_AUTO_TEST_SUITE(plain_text_test)

BOOST_AUTO_TEST_CASE(foreign_text_becomes_harmless) {
  BOOST_TEST(plain_text("535 \x1b[31mno\r\n\xc3\xa4") == "535 ?[31mno????");
  BOOST_TEST(plain_text(std::string(5000, 'x')).size() == kMaxPlainText);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace smtpseal
