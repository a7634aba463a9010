#include "../../../shared/src/policy/unicode.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

namespace smtpseal::policy {
namespace {

BOOST_AUTO_TEST_SUITE(policy_unicode)

BOOST_AUTO_TEST_CASE(well_formed_utf8_is_told_from_the_rest) {
  for (const std::string good :
       {"", "abc", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xB6z"}) {
    BOOST_TEST(is_utf8(good));
    for (std::size_t size = 1; size < good.size(); ++size) {
      const auto lead = static_cast<unsigned char>(good[0]);
      if (lead >= 0xC0) BOOST_TEST(!is_utf8(good.substr(0, size)));
    }
  }
  for (const std::string bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xFF", "\xC3\x28", "a\xC3", "\xE2\x82z"}) {
    BOOST_TEST(!is_utf8(bad));
    BOOST_TEST(!utf16le(bad));
  }
}

BOOST_AUTO_TEST_CASE(utf16_has_surrogates_for_what_is_above_the_first_plane) {
  const auto text = utf16le("A\xC3\xB6\xE2\x82\xAC\xF0\x9F\x98\x80");
  BOOST_REQUIRE(text.has_value());
  const unsigned char wanted[] = {0x41, 0, 0xF6, 0, 0xAC, 0x20, 0x3D, 0xD8, 0x00, 0xDE};
  BOOST_TEST(std::string(as_text(*text)) ==
             std::string(reinterpret_cast<const char*>(wanted), sizeof wanted));
  BOOST_TEST(utf16le("")->empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::policy
