#include "smtpseal/session/security_layer.hpp"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/ntlm/wire.hpp"

using namespace smtpseal;
using session::errc;
using session::Framing;
using session::LayerLimits;
using session::LengthOrder;
using session::SecurityLayer;
using session::SignaturePlace;

namespace {

constexpr std::uint32_t kBase = ntlm::kUnicode | ntlm::kNtlm | ntlm::kSign | ntlm::kSeal | ntlm::kAlwaysSign;
constexpr std::uint32_t kEss = kBase | ntlm::kExtendedSessionSecurity | ntlm::k128;
constexpr std::uint32_t kNtlm1 = kBase | ntlm::kKeyExch | ntlm::k128;
constexpr std::uint32_t kFlagSets[] = {
    kEss | ntlm::kKeyExch,
    kEss,
    kNtlm1,
    kBase | ntlm::kLmKey | ntlm::kKeyExch,
    kBase | ntlm::kLmKey | ntlm::k56,
};
constexpr Framing kFramings[] = {
    {LengthOrder::big_endian, SignaturePlace::leading},
    {LengthOrder::big_endian, SignaturePlace::trailing},
    {LengthOrder::little_endian, SignaturePlace::leading},
    {LengthOrder::little_endian, SignaturePlace::trailing},
};
constexpr std::size_t kOverhead = session::kLengthSize + ntlm::kSignatureSize;

const std::shared_ptr<const crypto::Engine>& engine() {
  static const auto instance = crypto::Engine::create().value();
  return instance;
}

ntlm::Outcome outcome(std::uint32_t flags, unsigned char key_octet = 0x55) {
  ntlm::Outcome result;
  result.flags = flags;
  result.sealed = true;
  result.strength = ntlm::seal_strength(flags);
  std::array<std::byte, 16> key;
  key.fill(std::byte{key_octet});
  result.exported_session_key = crypto::Key16(std::span<const std::byte, 16>(key));
  return result;
}

SecurityLayer client_layer(std::uint32_t flags, Framing framing = {}, LayerLimits limits = {}) {
  return {engine(), ntlm::Role::client, outcome(flags), framing, limits};
}

SecurityLayer server_layer(std::uint32_t flags, LayerLimits limits = {}) {
  return {engine(), ntlm::Role::server, outcome(flags), std::nullopt, limits};
}

Bytes wrap(SecurityLayer& layer, std::string_view text) {
  Bytes wire;
  layer.wrap(as_bytes(text), wire);
  return wire;
}

// Feeds `wire` in pieces; the text, or the error in words.
std::string unwrap(SecurityLayer& layer, ByteSpan wire, std::size_t piece = SIZE_MAX) {
  std::string plain;
  while (!wire.empty()) {
    const ByteSpan now = wire.first(std::min(piece, wire.size()));
    if (const auto result = layer.unwrap(now, plain); !result) return "error: " + result.error().message();
    wire = wire.subspan(now.size());
  }
  return plain;
}

ErrorCode unwrap_error(SecurityLayer& layer, ByteSpan wire) {
  std::string plain;
  const auto result = layer.unwrap(wire, plain);
  BOOST_TEST(plain.empty());
  return result ? ErrorCode() : result.error();
}

Bytes join(std::initializer_list<ByteSpan> parts) {
  Bytes joined;
  for (const ByteSpan part : parts) append(joined, part);
  return joined;
}

// One record as a peer with a state of its own for each direction sends it.
Bytes seal_record(ntlm::SealContext& context, std::string_view text) {
  Bytes record(kOverhead + text.size());
  const auto body = std::span(record).subspan(session::kLengthSize);
  store_u32be(static_cast<std::uint32_t>(body.size()), record.data());
  context.seal(as_bytes(text), body.subspan(ntlm::kSignatureSize), body.first<ntlm::kSignatureSize>());
  return record;
}

ntlm::SealContext separate_peer(std::uint32_t flags) {
  return {*engine(), ntlm::Role::server, flags, outcome(flags).exported_session_key.octets(),
          ntlm::HalfDuplexState::separate};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_security_layer)

BOOST_AUTO_TEST_CASE(carries_a_dialogue_in_every_framing_and_strength) {
  for (const std::uint32_t flags : kFlagSets) {
    for (const Framing framing : kFramings) {
      SecurityLayer client = client_layer(flags, framing);
      SecurityLayer server = server_layer(flags);
      for (const std::string_view text : {"EHLO a\r\n", "MAIL FROM:<>\r\n", "x"}) {
        BOOST_TEST(unwrap(server, wrap(client, text)) == text);
        const std::string answer = "250 " + std::string(text);
        BOOST_TEST(unwrap(client, wrap(server, answer)) == answer);
      }
      BOOST_TEST((server.framing() == framing));
    }
  }
}

BOOST_AUTO_TEST_CASE(puts_length_and_signature_where_the_framing_says) {
  for (const Framing framing : kFramings) {
    SecurityLayer client = client_layer(kEss, framing);
    const Bytes wire = wrap(client, "hello");
    BOOST_REQUIRE(wire.size() == kOverhead + 5);
    const bool is_big = framing.length == LengthOrder::big_endian;
    BOOST_TEST((is_big ? load_u32be(wire.data()) : load_u32le(wire.data())) == 21U);
    const std::size_t signature = framing.signature == SignaturePlace::leading ? 4 : 4 + 5;
    BOOST_TEST(load_u32le(wire.data() + signature) == 1U);
    BOOST_TEST(as_text(wire).find("hello") == std::string_view::npos);
  }
}

BOOST_AUTO_TEST_CASE(takes_records_however_they_arrive) {
  for (const std::uint32_t flags : {kEss, kNtlm1}) {
    for (const Framing framing : kFramings) {
      SecurityLayer sender = client_layer(flags, framing);
      const Bytes wire =
          join({wrap(sender, "first"), wrap(sender, "2"), wrap(sender, std::string(300, 'z'))});
      const std::string want = "first2" + std::string(300, 'z');
      for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
        SecurityLayer server = server_layer(flags);
        BOOST_TEST(unwrap(server, wire, piece) == want);
        BOOST_TEST(!server.has_partial_record());
      }
      for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        SecurityLayer server = server_layer(flags);
        const std::string before = unwrap(server, ByteSpan(wire).first(cut));
        BOOST_TEST(want.starts_with(before));
        const bool is_between_records = cut == 0 || cut == 25 || cut == 46 || cut == wire.size();
        BOOST_TEST(server.has_partial_record() == !is_between_records);
        BOOST_TEST(before + unwrap(server, ByteSpan(wire).subspan(cut)) == want);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(takes_a_record_without_data) {
  auto peer = separate_peer(kEss);
  SecurityLayer client = client_layer(kEss);
  const Bytes wire = join({seal_record(peer, ""), seal_record(peer, "220 x\r\n")});
  for (const std::size_t piece : {std::size_t{1}, wire.size()}) {
    SecurityLayer fresh = client_layer(kEss);
    BOOST_TEST(unwrap(fresh, wire, piece) == "220 x\r\n");
  }
}

BOOST_AUTO_TEST_CASE(splits_long_text_and_makes_no_record_of_none) {
  SecurityLayer client = client_layer(kEss);
  BOOST_TEST(wrap(client, "").empty());
  const std::string text(10000, 'a');
  const Bytes wire = wrap(client, text);
  BOOST_TEST(wire.size() == text.size() + 3 * kOverhead);
  BOOST_TEST(load_u32be(wire.data()) == 4096U + 16U);
  SecurityLayer server = server_layer(kEss);
  BOOST_TEST(unwrap(server, wire) == text);
}

BOOST_AUTO_TEST_CASE(appends_to_what_is_there) {
  SecurityLayer client = client_layer(kEss);
  SecurityLayer server = server_layer(kEss);
  Bytes wire;
  client.wrap(as_bytes("one"), wire);
  client.wrap(as_bytes("two"), wire);
  std::string plain = "zero";
  BOOST_REQUIRE(server.unwrap(wire, plain));
  BOOST_TEST(plain == "zeroonetwo");
}

BOOST_AUTO_TEST_CASE(counts_octets_that_went_through_the_seal) {
  SecurityLayer client = client_layer(kNtlm1);
  SecurityLayer server = server_layer(kNtlm1);
  BOOST_TEST(unwrap(server, wrap(client, "12345")) == "12345");
  BOOST_TEST(unwrap(client, wrap(server, "123")) == "123");
  BOOST_TEST(client.octets_sealed() == 5U);
  BOOST_TEST(client.octets_unsealed() == 3U);
  BOOST_TEST(server.octets_sealed() == 3U);
  BOOST_TEST(server.octets_unsealed() == 5U);
}

BOOST_AUTO_TEST_CASE(is_half_duplex_without_ess_only) {
  BOOST_TEST(client_layer(kNtlm1).is_half_duplex());
  BOOST_TEST(server_layer(kNtlm1).is_half_duplex());
  BOOST_TEST(!client_layer(kEss).is_half_duplex());
}

BOOST_AUTO_TEST_CASE(waits_for_the_longer_reading_of_a_length_with_two) {
  // 00 00 01 00 is 256 in one order and 65536 in the other.
  const LayerLimits limits{.send_data = 65536 - 16};
  for (const SignaturePlace place : {SignaturePlace::leading, SignaturePlace::trailing}) {
    SecurityLayer little = client_layer(kEss, {LengthOrder::little_endian, place}, limits);
    const std::string text(65536 - 16, 'q');
    const Bytes wire = wrap(little, text);
    SecurityLayer server = server_layer(kEss);
    BOOST_TEST((unwrap(server, wire, 100) == text));
    BOOST_TEST((server.framing() == Framing{LengthOrder::little_endian, place}));

    SecurityLayer big = client_layer(kEss, {LengthOrder::big_endian, place}, limits);
    SecurityLayer other = server_layer(kEss);
    const std::string shorter(240, 'q');
    BOOST_TEST(unwrap(other, wrap(big, shorter)) == shorter);
  }
}

BOOST_AUTO_TEST_CASE(sends_nothing_before_it_knows_the_framing) {
  SecurityLayer server = server_layer(kEss);
  BOOST_TEST(!server.framing());
  BOOST_TEST(wrap(server, "421 too slow\r\n").empty());
  BOOST_TEST(server.octets_sealed() == 0U);
}

BOOST_AUTO_TEST_CASE(refuses_a_first_record_that_fits_no_framing) {
  for (const std::uint32_t flags : kFlagSets) {
    for (const Framing framing : kFramings) {
      SecurityLayer stranger(engine(), ntlm::Role::client, outcome(flags, 0x56), framing);
      SecurityLayer server = server_layer(flags);
      BOOST_TEST((unwrap_error(server, wrap(stranger, "EHLO x\r\n")) == errc::unrecognised_framing));
      BOOST_TEST((unwrap_error(server, as_bytes("x")) == errc::layer_dead));
    }
  }
}

BOOST_AUTO_TEST_CASE(refuses_plaintext_at_the_fourth_octet) {
  SecurityLayer server = server_layer(kEss);
  BOOST_TEST(!unwrap_error(server, as_bytes("EHL")));
  BOOST_TEST((unwrap_error(server, as_bytes("O")) == errc::unrecognised_framing));
}

BOOST_AUTO_TEST_CASE(refuses_a_length_out_of_bounds_before_the_record) {
  const struct {
    std::uint32_t length;
    errc error;
  } cases[] = {{0, errc::record_too_short},
               {15, errc::record_too_short},
               {65536 + 17, errc::record_too_long},
               {0x7fffffff, errc::record_too_long},
               {0xffffffff, errc::record_too_long}};
  for (const auto& test : cases) {
    std::array<std::byte, 4> header{};
    store_u32be(test.length, header.data());
    SecurityLayer client = client_layer(kEss);
    BOOST_TEST((unwrap_error(client, header) == test.error), test.length);
    SecurityLayer by_octet = client_layer(kEss);
    BOOST_TEST(unwrap(by_octet, header, 1) == "error: " + session::make_error_code(test.error).message());
    SecurityLayer server = server_layer(kEss);
    BOOST_TEST((unwrap_error(server, header) == errc::unrecognised_framing), test.length);
  }
}

BOOST_AUTO_TEST_CASE(accepts_the_longest_record_and_refuses_one_octet_more) {
  const LayerLimits limits{.send_data = 65536 + 1};
  SecurityLayer client = client_layer(kEss, {}, limits);
  SecurityLayer server = server_layer(kEss);
  const std::string longest(65536, 'x');
  BOOST_TEST((unwrap(server, wrap(client, longest), 1000) == longest));
  BOOST_TEST((unwrap_error(server, wrap(client, longest + "x")) == errc::record_too_long));
}

BOOST_AUTO_TEST_CASE(refuses_every_altered_octet) {
  for (const std::uint32_t flags : kFlagSets) {
    for (const Framing framing : kFramings) {
      SecurityLayer sender = client_layer(flags, framing);
      const Bytes first = wrap(sender, "first");
      const Bytes wire = wrap(sender, "RCPT TO:<a@b.example>\r\n");
      for (std::size_t i = 0; i < wire.size(); ++i) {
        Bytes altered = wire;
        altered[i] ^= std::byte{0x04};
        SecurityLayer server = server_layer(flags);
        BOOST_REQUIRE(unwrap(server, first) == "first");
        const std::string got = unwrap(server, altered);
        // A longer length waits for more; RandomPad of NTLM1 (octets 4 to 7 of a signature) says nothing.
        const std::size_t signature =
            session::kLengthSize +
            (framing.signature == SignaturePlace::leading ? 0 : wire.size() - kOverhead);
        const bool is_pad =
            (flags & ntlm::kExtendedSessionSecurity) == 0 && i >= signature + 4 && i < signature + 8;
        if (is_pad) {
          BOOST_TEST(got == "RCPT TO:<a@b.example>\r\n");
        } else if (i < session::kLengthSize) {
          BOOST_TEST((got.starts_with("error: ") || (got.empty() && server.has_partial_record())), i);
        } else {
          BOOST_TEST(got == "error: " + session::make_error_code(errc::record_mismatch).message(), i);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(refuses_replayed_reordered_and_missing_records) {
  for (const std::uint32_t flags : kFlagSets) {
    SecurityLayer sender = client_layer(flags);
    const Bytes a = wrap(sender, "a");
    const Bytes b = wrap(sender, "b");
    const Bytes c = wrap(sender, "c");
    for (const Bytes& wrong : {join({a, a}), join({a, c}), join({a, b, b}), join({a, c, b})}) {
      for (const std::size_t piece : {std::size_t{1}, SIZE_MAX}) {
        SecurityLayer server = server_layer(flags);
        BOOST_TEST(unwrap(server, wrong, piece) ==
                   "error: " + session::make_error_code(errc::record_mismatch).message());
      }
    }
    SecurityLayer server = server_layer(flags);
    BOOST_TEST((unwrap_error(server, b) == errc::unrecognised_framing));
  }
}

BOOST_AUTO_TEST_CASE(is_dead_after_a_failure) {
  SecurityLayer sender = client_layer(kEss);
  const Bytes good = wrap(sender, "good");
  Bytes bad = wrap(sender, "bad");
  bad.back() ^= std::byte{1};
  SecurityLayer server = server_layer(kEss);
  std::string plain;
  const auto result = server.unwrap(join({good, bad, wrap(sender, "later")}), plain);
  BOOST_TEST((result.error() == errc::record_mismatch));
  BOOST_TEST(plain == "good");
  BOOST_TEST((server.unwrap(good, plain).error() == errc::layer_dead));
  BOOST_TEST(wrap(server, "250 ok\r\n").empty());
  BOOST_TEST(!server.has_partial_record());
}

BOOST_AUTO_TEST_CASE(refuses_its_own_records_sent_back) {
  for (const std::uint32_t flags : kFlagSets) {
    SecurityLayer client = client_layer(flags);
    BOOST_TEST((unwrap_error(client, wrap(client, "EHLO a\r\n")) == errc::record_mismatch));
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_peer_with_separate_states_unless_told_to_accept_it) {
  auto peer = separate_peer(kNtlm1);
  SecurityLayer client = client_layer(kNtlm1);
  wrap(client, "EHLO a\r\n");
  BOOST_TEST((unwrap_error(client, seal_record(peer, "250 b\r\n")) == errc::record_mismatch));
}

BOOST_AUTO_TEST_CASE(tells_separate_states_from_the_first_record_where_accepted) {
  const LayerLimits small{.send_data = 5};
  for (const std::string_view sent : {"EHLO a\r\n", "12345", "EHLO a\r\nMAIL FROM:<>\r\n"}) {
    auto peer = separate_peer(kNtlm1);
    SecurityLayer client = client_layer(kNtlm1, {}, small);
    client.accept_separate_state();
    BOOST_TEST(client.is_half_duplex());
    const Bytes first = wrap(client, sent);
    BOOST_TEST(unwrap(client, seal_record(peer, "250 b\r\n"), 3) == "250 b\r\n");
    BOOST_TEST((client.half_duplex_state() == ntlm::HalfDuplexState::separate));
    BOOST_TEST(!client.is_half_duplex());

    // What the client sends goes on where it was: the peer reads all of it.
    const Bytes wire = join({first, wrap(client, "QUIT\r\n")});
    std::string received;
    for (ByteSpan rest = wire; !rest.empty();) {
      const std::size_t size = load_u32be(rest.data());
      Bytes data(rest.begin() + kOverhead,
                 rest.begin() + static_cast<std::ptrdiff_t>(session::kLengthSize + size));
      BOOST_REQUIRE(peer.unseal(data, rest.subspan<session::kLengthSize, ntlm::kSignatureSize>()));
      received.append(as_text(data));
      rest = rest.subspan(session::kLengthSize + size);
    }
    BOOST_TEST(received == std::string(sent) + "QUIT\r\n");
    BOOST_TEST(unwrap(client, seal_record(peer, "221 bye\r\n")) == "221 bye\r\n");
  }
}

BOOST_AUTO_TEST_CASE(tells_separate_states_at_the_first_record_only) {
  SecurityLayer client = client_layer(kNtlm1);
  client.accept_separate_state();
  SecurityLayer server = server_layer(kNtlm1);
  BOOST_TEST(unwrap(server, wrap(client, "EHLO a\r\n")) == "EHLO a\r\n");
  BOOST_TEST(unwrap(client, wrap(server, "250 b\r\n")) == "250 b\r\n");
  BOOST_TEST((client.half_duplex_state() == ntlm::HalfDuplexState::shared));
  auto peer = separate_peer(kNtlm1);
  BOOST_TEST((unwrap_error(client, seal_record(peer, "250 c\r\n")) == errc::record_mismatch));
}

BOOST_AUTO_TEST_CASE(names_every_error) {
  for (int i = 1; i <= static_cast<int>(errc::layer_dead); ++i) {
    BOOST_TEST(session::category().message(i) != session::category().message(0));
  }
}

BOOST_AUTO_TEST_SUITE_END()
