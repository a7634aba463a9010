#include "inbound/chunk_guard.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using smtpseal::relay::ChunkGuard;

namespace {

// Fed whole, and cut in two at every place: the answers must agree.
bool is_bad(const std::string& text) {
  ChunkGuard whole;
  whole.feed(text);
  whole.finish();
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    ChunkGuard parts;
    parts.feed(std::string_view(text).substr(0, cut));
    parts.feed(std::string_view(text).substr(cut));
    parts.finish();
    BOOST_TEST(parts.is_bad() == whole.is_bad());
  }
  return whole.is_bad();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(chunk_guard)

BOOST_AUTO_TEST_CASE(takes_crlf_lines) {
  for (const char* good : {"", "a", "a\r\n", "\r\n\r\n", "a\r\n.\r\nb"}) BOOST_TEST(!is_bad(good), good);
}

BOOST_AUTO_TEST_CASE(refuses_a_lone_cr_or_lf) {
  for (const char* bad : {"\n", "a\n", "a\r", "\r\r\n", "a\n\r", "a\r\n\n", "a\rb", "\r\n.\n"})
    BOOST_TEST(is_bad(bad), bad);
}

BOOST_AUTO_TEST_SUITE_END()
