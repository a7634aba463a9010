// Octets in order out of segments in any.
#include "analyze/stream.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal;
using namespace smtpseal::analyze;

namespace {

// What came out: "abc", "abc<3>def" where three octets are missing.
struct Ordered {
  explicit Ordered(std::uint32_t first = 100, StreamLimits limits = {}) : stream(limits) {
    stream.begin(first);
  }
  Ordered& add(std::uint32_t sequence, std::string_view text, std::size_t cut = 0) {
    stream.add(sequence, as_bytes(text), cut, chunks);
    return *this;
  }
  std::string finish() {
    stream.finish(chunks);
    return text();
  }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const auto& chunk : chunks) {
      if (chunk.missing > 0) all += "<" + std::to_string(chunk.missing) + ">";
      all += as_text(chunk.data);
    }
    return all;
  }

  Stream stream;
  std::vector<Chunk> chunks;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(analyze_stream)

BOOST_AUTO_TEST_CASE(segments_come_in_any_order) {
  BOOST_TEST(Ordered().add(106, "ghi").add(103, "def").add(100, "abc").text() == "abcdefghi");
}

BOOST_AUTO_TEST_CASE(octets_that_come_again_are_dropped) {
  BOOST_TEST(Ordered().add(100, "abc").add(100, "abc").add(101, "bcd").add(99, "?a").text() == "abcd");
  BOOST_TEST(Ordered().add(103, "def").add(102, "cde").add(103, "d").add(100, "abc").text() == "abcdef");
}

BOOST_AUTO_TEST_CASE(of_overlapping_segments_the_first_octets_stay) {
  BOOST_TEST(Ordered().add(100, "abc").add(101, "XYZd").text() == "abcZd");
}

BOOST_AUTO_TEST_CASE(missing_octets_are_counted_at_the_end) {
  Ordered ordered;
  ordered.add(100, "abc").add(106, "ghi");
  BOOST_TEST(ordered.text() == "abc");
  BOOST_TEST(ordered.finish() == "abc<3>ghi");
}

BOOST_AUTO_TEST_CASE(cut_octets_are_missing_unless_they_come_again_whole) {
  BOOST_TEST(Ordered().add(100, "ab", 4).add(106, "ghi").finish() == "ab<4>ghi");
  BOOST_TEST(Ordered().add(100, "ab", 4).finish() == "ab<4>");
  BOOST_TEST(Ordered().add(103, "d", 2).add(103, "def").add(100, "abc").finish() == "abcdef");
}

BOOST_AUTO_TEST_CASE(sequence_numbers_wrap) {
  BOOST_TEST(Ordered(0xFFFFFFFE).add(1, "def").add(0xFFFFFFFE, "abc").text() == "abcdef");
}

BOOST_AUTO_TEST_CASE(what_is_held_is_bounded) {
  Ordered octets(100, {.held_octets = 8, .held_segments = 100});
  octets.add(110, "12345678");
  BOOST_TEST(octets.text().empty());
  octets.add(120, "9");
  BOOST_TEST(octets.text() == "<10>12345678");
  Ordered segments(100, {.held_octets = 1000, .held_segments = 2});
  segments.add(110, "a").add(112, "b").add(114, "c");
  BOOST_TEST(segments.text() == "<10>a");
}

BOOST_AUTO_TEST_CASE(a_sequence_number_far_off_belongs_to_something_else) {
  BOOST_TEST(Ordered().add(100, "abc").add(0x60000000, "x").add(103, "def").finish() == "abcdef");
}

BOOST_AUTO_TEST_CASE(without_a_beginning_the_first_segment_says_where_it_is) {
  Stream stream;
  std::vector<Chunk> chunks;
  stream.add(5000, as_bytes("abc"), 0, chunks);
  BOOST_TEST(as_text(chunks.at(0).data) == "abc");
  BOOST_TEST(chunks.at(0).missing == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
