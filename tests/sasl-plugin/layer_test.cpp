#include "layer.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/ntlm/wire.hpp"

using namespace smtpseal;
using namespace smtpseal::sasl;

namespace {

constexpr std::uint32_t kBase =
    ntlm::kUnicode | ntlm::kNtlm | ntlm::kSign | ntlm::kSeal | ntlm::kKeyExch | ntlm::k128;
constexpr std::uint32_t kEss = kBase | ntlm::kExtendedSessionSecurity;
constexpr std::uint32_t kNtlm1 = kBase;
constexpr session::Framing kFramings[] = {
    {session::LengthOrder::big_endian, session::SignaturePlace::leading},
    {session::LengthOrder::big_endian, session::SignaturePlace::trailing},
    {session::LengthOrder::little_endian, session::SignaturePlace::leading},
    {session::LengthOrder::little_endian, session::SignaturePlace::trailing},
};
constexpr std::size_t kOverhead = session::kLengthSize + ntlm::kSignatureSize;

const std::shared_ptr<const crypto::Engine>& engine() {
  static const auto instance = crypto::Engine::create().value();
  return instance;
}

ntlm::Outcome outcome(std::uint32_t flags) {
  ntlm::Outcome result;
  result.flags = flags;
  result.sealed = true;
  result.strength = ntlm::seal_strength(flags);
  std::array<std::byte, 16> key;
  key.fill(std::byte{0x55});
  result.exported_session_key = crypto::Key16(std::span<const std::byte, 16>(key));
  return result;
}

struct Client : Layer {
  explicit Client(std::uint32_t flags, OutputRule rule = OutputRule::any, session::Framing framing = {})
      : Layer(engine(), ntlm::Role::client, outcome(flags), framing, rule) {}
};
struct Server : Layer {
  explicit Server(std::uint32_t flags, OutputRule rule = OutputRule::any)
      : Layer(engine(), ntlm::Role::server, outcome(flags), std::nullopt, rule) {}
};

// The records, copied; empty where encode() failed.
Bytes encode(Layer& layer, std::string_view text) {
  const ByteSpan part = as_bytes(text);
  const auto sealed = layer.encode(std::span(&part, 1));
  return sealed ? Bytes(sealed->begin(), sealed->end()) : Bytes();
}

ErrorCode encode_error(Layer& layer, std::string_view text) {
  const ByteSpan part = as_bytes(text);
  const auto sealed = layer.encode(std::span(&part, 1));
  return sealed ? ErrorCode() : sealed.error();
}

// The text, or the error in words.
std::string decode(Layer& layer, ByteSpan wire) {
  const auto opened = layer.decode(wire);
  return opened ? std::string(as_text(*opened)) : "error: " + opened.error().message();
}

std::string words(ErrorCode error) {
  return "error: " + error.message();
}

std::size_t count_records(ByteSpan wire) {
  std::size_t count = 0;
  for (; !wire.empty(); ++count) wire = wire.subspan(session::kLengthSize + load_u32be(wire.data()));
  return count;
}

// A server with the rule of Sendmail and the client that talks to it.
struct SendmailPair {
  Client client{kEss};
  Server server{kEss, OutputRule::spoil_when_left};

  // What decode() hands out for one read of `size` octets of text, as Sendmail keeps it: pointer and length.
  std::string_view read(std::size_t size, char letter) {
    const auto opened = server.decode(encode(client, std::string(size, letter)));
    BOOST_REQUIRE(opened);
    return as_text(*opened);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sasl_layer)

BOOST_AUTO_TEST_CASE(carries_a_dialogue_both_ways) {
  for (const std::uint32_t flags : {kEss, kNtlm1}) {
    for (const auto framing : kFramings) {
      Client client(flags, OutputRule::at_most_4096, framing);
      Server server(flags, OutputRule::spoil_when_left);
      for (const std::string_view text : {"EHLO a\r\n", "x", "MAIL FROM:<>\r\n"}) {
        BOOST_TEST(decode(server, encode(client, text)) == text);
        const std::string answer = "250 " + std::string(text);
        BOOST_TEST(decode(client, encode(server, answer)) == answer);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(makes_records_of_at_most_4096_octets) {
  const struct {
    std::size_t size;
    std::size_t records;
  } cases[] = {{0, 0}, {1, 1}, {kRecordData, 1}, {kRecordData + 1, 2}, {10 * kRecordData, 10}, {100000, 25}};
  for (const auto& test : cases) {
    Client client(kEss);
    Server server(kEss);
    const std::string text(test.size, 'm');
    const Bytes wire = encode(client, text);
    BOOST_TEST(wire.size() == test.size + test.records * kOverhead);
    BOOST_TEST(count_records(wire) == test.records);
    BOOST_TEST((test.size < kRecordData || load_u32be(wire.data()) + session::kLengthSize == 4096));
    BOOST_TEST((decode(server, wire) == text));
  }
}

BOOST_AUTO_TEST_CASE(joins_the_parts_of_one_call) {
  Client client(kEss);
  Server server(kEss);
  const std::string_view texts[] = {"MAIL", "", " FROM:", "<>\r\n"};
  std::vector<ByteSpan> parts;
  for (const auto text : texts) parts.push_back(as_bytes(text));
  for (int i = 0; i < 3; ++i) {
    const auto sealed = client.encode(parts);
    BOOST_REQUIRE(sealed);
    BOOST_TEST(count_records(*sealed) == 1U);
    BOOST_TEST(decode(server, *sealed) == "MAIL FROM:<>\r\n");
  }
  const auto nothing = client.encode({});
  BOOST_REQUIRE(nothing);
  BOOST_TEST(nothing->empty());
}

BOOST_AUTO_TEST_CASE(takes_records_however_they_arrive) {
  for (const std::uint32_t flags : {kEss, kNtlm1}) {
    for (const auto framing : kFramings) {
      Client sender(flags, OutputRule::any, framing);
      Bytes wire = encode(sender, "first");
      append(wire, encode(sender, "2"));
      append(wire, encode(sender, std::string(200, 'z')));
      const std::string want = "first2" + std::string(200, 'z');
      for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
        Server server(flags);
        std::string got;
        for (ByteSpan rest = wire; !rest.empty();) {
          const ByteSpan now = rest.first(std::min(piece, rest.size()));
          got += decode(server, now);
          rest = rest.subspan(now.size());
        }
        BOOST_REQUIRE(got == want);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(yields_nothing_while_no_record_is_complete) {
  Client client(kEss);
  Server server(kEss);
  const Bytes wire = encode(client, "EHLO a\r\n");
  for (std::size_t i = 0; i + 1 < wire.size(); ++i)
    BOOST_TEST(decode(server, ByteSpan(wire).subspan(i, 1)) == "");
  BOOST_TEST(decode(server, {}) == "");
  BOOST_TEST(decode(server, ByteSpan(wire).last(1)) == "EHLO a\r\n");
  BOOST_TEST(decode(server, {}) == "");
}

BOOST_AUTO_TEST_CASE(keeps_what_it_handed_out_until_the_next_call_of_that_kind) {
  Client client(kEss);
  Server server(kEss);
  const auto question = server.decode(encode(client, "EHLO a\r\n"));
  const ByteSpan reply = as_bytes("250 b\r\n");
  const auto sealed = server.encode(std::span(&reply, 1));
  BOOST_TEST(as_text(*question) == "EHLO a\r\n");
  const Bytes copy(sealed->begin(), sealed->end());
  decode(server, encode(client, "QUIT\r\n"));
  BOOST_TEST((Bytes(sealed->begin(), sealed->end()) == copy));
}

BOOST_AUTO_TEST_CASE(uses_the_same_memory_for_every_record_of_usual_size) {
  Client client(kEss);
  Server server(kEss);
  const std::string text(kRecordData, 'm');
  const ByteSpan part = as_bytes(text);
  const std::byte* sealed_at = nullptr;
  const std::byte* opened_at = nullptr;
  for (int i = 0; i < 10; ++i) {
    const auto sealed = client.encode(std::span(&part, 1));
    const auto opened = server.decode(*sealed);
    BOOST_TEST((i == 0 || sealed->data() == sealed_at));
    BOOST_TEST((i == 0 || opened->data() == opened_at));
    sealed_at = sealed->data();
    opened_at = opened->data();
  }
}

BOOST_AUTO_TEST_CASE(ends_with_the_first_mismatch) {
  for (const std::uint32_t flags : {kEss, kNtlm1}) {
    Client client(flags);
    Server server(flags);
    BOOST_TEST(decode(server, encode(client, "EHLO a\r\n")) == "EHLO a\r\n");
    Bytes wire = encode(client, "good");
    const Bytes good = encode(client, "bad");
    append(wire, good);
    wire.back() ^= std::byte{1};
    BOOST_TEST(decode(server, wire) == words(session::make_error_code(session::errc::record_mismatch)));
    BOOST_TEST(decode(server, good) == words(session::make_error_code(session::errc::layer_dead)));
    BOOST_TEST((encode_error(server, "250 b\r\n") == session::errc::layer_dead));
  }
}

BOOST_AUTO_TEST_CASE(refuses_plaintext_and_long_records) {
  Server server(kEss);
  BOOST_TEST(decode(server, as_bytes("EHLO a\r\n")) ==
             words(session::make_error_code(session::errc::unrecognised_framing)));
  Client client(kEss);
  BOOST_TEST(decode(client, as_bytes("250 a\r\n")) ==
             words(session::make_error_code(session::errc::record_too_long)));
}

BOOST_AUTO_TEST_CASE(accepts_records_longer_than_its_own) {
  constexpr std::size_t longest = 65536;
  for (const std::size_t size : {std::size_t{kRecordData} + 1, longest, longest + 1}) {
    session::SecurityLayer peer(engine(), ntlm::Role::client, outcome(kEss), session::Framing{},
                                {.send_data = longest + 1});
    const std::string text(size, 'p');
    Bytes wire;
    peer.wrap(as_bytes(text), wire);
    BOOST_TEST(count_records(wire) == 1U);
    Server server(kEss);
    const std::string got = decode(server, wire);
    BOOST_TEST((got == text) == (size <= longest));
    BOOST_TEST(got.starts_with("error: ") == (size > longest));
  }
}

BOOST_AUTO_TEST_CASE(sends_nothing_before_the_client_has_shown_the_framing) {
  Client client(kEss);
  const Bytes hello = encode(client, "EHLO a\r\n");
  Server too_early(kEss);
  BOOST_TEST((encode_error(too_early, "421 late\r\n") == sasl::errc::framing_unknown));
  BOOST_TEST((encode_error(too_early, "421 late\r\n") == session::errc::layer_dead));
  Server server(kEss);
  BOOST_TEST(decode(server, ByteSpan(hello).first(hello.size() - 1)) == "");
  BOOST_TEST((encode_error(server, "421 late\r\n") == sasl::errc::framing_unknown));
  Server patient(kEss);
  BOOST_TEST(decode(patient, hello) == "EHLO a\r\n");
  BOOST_TEST(!encode_error(patient, "250 b\r\n"));
}

BOOST_AUTO_TEST_CASE(refuses_to_send_into_a_record_of_a_half_duplex_peer) {
  for (const std::uint32_t flags : {kEss, kNtlm1}) {
    Client client(flags);
    Server server(flags);
    BOOST_TEST(decode(server, encode(client, "EHLO a\r\n")) == "EHLO a\r\n");
    const Bytes reply = encode(server, "250 b\r\n");
    for (std::size_t i = 0; i + 1 < reply.size(); ++i) decode(client, ByteSpan(reply).subspan(i, 1));
    const ErrorCode error = encode_error(client, "QUIT\r\n");
    if (flags == kNtlm1) {
      BOOST_TEST((error == sasl::errc::peer_is_sending));
      BOOST_TEST(error.message().find("half-duplex") != std::string::npos);
    } else {
      BOOST_TEST(!error);
    }
  }
}

BOOST_AUTO_TEST_CASE(ends_a_client_of_sendmail_that_gets_more_than_it_can_take) {
  const struct {
    OutputRule rule;
    std::size_t size;
    bool is_taken;
  } cases[] = {{OutputRule::at_most_4096, 4096, true},
               {OutputRule::at_most_4096, 4097, false},
               {OutputRule::at_most_4096, 100000, false},
               {OutputRule::any, 4097, true},
               {OutputRule::spoil_when_left, 4097, true}};
  for (const auto& test : cases) {
    Client client(kEss, test.rule);
    Server server(kEss);
    decode(server, encode(client, "EHLO a\r\n"));
    const std::string replies(test.size, 'r');
    const Bytes wire = encode(server, replies);
    const Bytes more = encode(server, "250 c\r\n");
    if (test.is_taken) {
      BOOST_TEST((decode(client, wire) == replies));
      BOOST_TEST(decode(client, more) == "250 c\r\n");
    } else {
      BOOST_TEST(decode(client, wire) == words(sasl::make_error_code(sasl::errc::output_too_long)));
      BOOST_TEST(decode(client, more) == words(session::make_error_code(session::errc::layer_dead)));
    }
  }
}

BOOST_AUTO_TEST_CASE(spoils_what_sendmail_left_and_nothing_else) {
  SendmailPair pair;
  const std::string_view opened = pair.read(9000, 'q');
  BOOST_TEST(opened.size() == 9000U);
  Layer::spoil_leftovers();
  BOOST_TEST((opened.substr(0, 4096) == std::string(4096, 'q')));
  BOOST_TEST((opened.substr(4096) == std::string(9000 - 4096, '\n')));

  const std::string_view exact = pair.read(4096, 'r');
  Layer::spoil_leftovers();
  BOOST_TEST((exact == std::string(4096, 'r')));
}

BOOST_AUTO_TEST_CASE(spoils_nothing_that_was_read_or_refused_since) {
  SendmailPair pair;
  pair.read(9000, 'q');
  const std::string_view later = pair.read(100, 'r');
  Layer::spoil_leftovers();
  BOOST_TEST((later == std::string(100, 'r')));

  pair.read(9000, 'q');
  BOOST_TEST(decode(pair.server, as_bytes("garbage")) ==
             words(session::make_error_code(session::errc::record_too_long)));
  Layer::spoil_leftovers();
}

BOOST_AUTO_TEST_CASE(leaves_alone_what_other_programs_were_given) {
  Client client(kEss);
  Server server(kEss);
  const auto opened = server.decode(encode(client, std::string(9000, 'q')));
  Layer::spoil_leftovers();
  BOOST_TEST((as_text(*opened) == std::string(9000, 'q')));
}

BOOST_AUTO_TEST_CASE(keeps_spoilt_leftovers_readable_after_the_layer) {
  std::string_view left;
  {
    SendmailPair pair;
    left = pair.read(9000, 'q').substr(4096);
  }
  BOOST_TEST((left == std::string(9000 - 4096, '\n')));
  Layer::spoil_leftovers();
  std::string_view next;
  {
    SendmailPair pair;
    next = pair.read(5000, 'r').substr(4096);
  }
  BOOST_TEST((next == std::string(5000 - 4096, '\n')));
}

BOOST_AUTO_TEST_CASE(names_every_error) {
  for (int i = 1; i <= static_cast<int>(sasl::errc::peer_is_sending); ++i) {
    BOOST_TEST(sasl::category().message(i) != sasl::category().message(0));
  }
}

BOOST_AUTO_TEST_SUITE_END()
