// From frames to segments, also from frames that lie.
#include "analyze/packet.hpp"

#include <boost/test/unit_test.hpp>

#include "frames.hpp"

using namespace smtpseal;
using namespace smtpseal::analyze;
using namespace smtpseal::testing;

namespace {

const TcpFrame kHello{.sequence = 7, .payload = "EHLO a\r\n"};

void expect_hello(LinkType link, const Bytes& frame) {
  const Frame read = read_frame(link, frame, frame.size());
  BOOST_CHECK(read.kind == FrameKind::tcp);
  BOOST_TEST(as_text(read.segment.payload) == "EHLO a\r\n");
  BOOST_TEST(read.segment.sequence == 7U);
  BOOST_TEST(read.segment.destination.port == 25);
  BOOST_TEST(read.segment.cut == 0U);
}

Bytes behind(std::size_t header, const Bytes& packet) {
  Bytes frame(header);
  append(frame, packet);
  return frame;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(analyze_packet)

BOOST_AUTO_TEST_CASE(every_link_type_is_read) {
  for (const Bytes& packet : {kHello.ipv4(), kHello.ipv6()}) {
    const unsigned type = std::to_integer<unsigned>(packet[0]) >> 4U == 4 ? 0x0800 : 0x86DD;
    expect_hello(LinkType::raw_ip, packet);
    expect_hello(LinkType::loopback, behind(4, packet));
    expect_hello(LinkType::ethernet, ethernet(type, packet));
    Bytes cooked = behind(16, packet);
    Bytes cooked2 = behind(20, packet);
    for (const std::size_t i : {0U, 1U}) {
      const auto octet = static_cast<std::byte>(i == 0 ? type >> 8U : type & 0xFFU);
      cooked[14 + i] = octet;
      cooked2[i] = octet;
    }
    expect_hello(LinkType::linux_sll, cooked);
    expect_hello(LinkType::linux_sll2, cooked2);
  }
}

BOOST_AUTO_TEST_CASE(vlan_tags_and_padding_are_left_out) {
  Bytes tagged(12);
  for (const unsigned value : {0x88A8U, 7U, 0x8100U, 42U, 0x0800U}) append_u16be(tagged, value);
  append(tagged, kHello.ipv4());
  tagged.resize(tagged.size() + 6);
  expect_hello(LinkType::ethernet, tagged);
}

BOOST_AUTO_TEST_CASE(ipv6_extension_headers_are_stepped_over) {
  Bytes packet = kHello.ipv6();
  packet[6] = std::byte{0};  // hop-by-hop options
  packet[5] = static_cast<std::byte>(std::to_integer<unsigned>(packet[5]) + 8);
  const Bytes options{std::byte{6}, {}, {}, {}, {}, {}, {}, {}};
  packet.insert(packet.begin() + 40, options.begin(), options.end());
  expect_hello(LinkType::raw_ip, packet);
}

BOOST_AUTO_TEST_CASE(what_the_snapshot_length_cut_off_is_counted) {
  const Bytes frame = ethernet(0x0800, kHello.ipv4());
  const Frame read = read_frame(LinkType::ethernet, ByteSpan(frame).first(frame.size() - 3), frame.size());
  BOOST_TEST(as_text(read.segment.payload) == "EHLO ");
  BOOST_TEST(read.segment.cut == 3U);
}

BOOST_AUTO_TEST_CASE(every_cut_frame_is_told_from_a_whole_one) {
  for (const Bytes& frame : {ethernet(0x0800, kHello.ipv4()), ethernet(0x86DD, kHello.ipv6())}) {
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const Frame read = read_frame(LinkType::ethernet, ByteSpan(frame).first(size), frame.size());
      const bool is_told = read.kind == FrameKind::unreadable ||
                           (read.kind == FrameKind::tcp &&
                            read.segment.cut == frame.size() - std::max(size, frame.size() - 8));
      BOOST_TEST(is_told);
    }
  }
}

BOOST_AUTO_TEST_CASE(fragments_and_other_protocols_are_told) {
  Bytes packet = kHello.ipv4();
  packet[6] = std::byte{0x20};
  BOOST_CHECK(read_frame(LinkType::raw_ip, packet, packet.size()).kind == FrameKind::fragment);
  packet[9] = std::byte{17};
  BOOST_CHECK(read_frame(LinkType::raw_ip, packet, packet.size()).kind == FrameKind::foreign);
  BOOST_CHECK(read_frame(LinkType::ethernet, ethernet(0x0806, packet), 100).kind == FrameKind::foreign);
}

BOOST_AUTO_TEST_CASE(lengths_that_contradict_each_other_are_unreadable) {
  Bytes packet = kHello.ipv4();
  packet[0] = std::byte{0x42};  // an IP header of 8 octets
  BOOST_CHECK(read_frame(LinkType::raw_ip, packet, packet.size()).kind == FrameKind::unreadable);
  packet = kHello.ipv4();
  packet[32] = std::byte{0xF0};  // a TCP header of 60 octets
  BOOST_CHECK(read_frame(LinkType::raw_ip, packet, packet.size()).kind == FrameKind::unreadable);
  packet = kHello.ipv4();
  packet[3] = std::byte{10};  // a total length below the header's
  BOOST_CHECK(read_frame(LinkType::raw_ip, packet, packet.size()).kind == FrameKind::unreadable);
}

BOOST_AUTO_TEST_CASE(endpoints_are_written_as_usual) {
  const Bytes four = kHello.ipv4();
  const Bytes six = kHello.ipv6();
  BOOST_TEST(read_frame(LinkType::raw_ip, four, four.size()).segment.destination.text() == "0.0.0.2:25");
  BOOST_TEST(read_frame(LinkType::raw_ip, six, six.size()).segment.destination.text() == "[::2]:25");
}

BOOST_AUTO_TEST_SUITE_END()
