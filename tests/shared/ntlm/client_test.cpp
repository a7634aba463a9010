#include "smtpseal/ntlm/client.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "handshake.hpp"
#include "published_example.hpp"
#include "smtpseal/ntlm/authenticate.hpp"
#include "smtpseal/ntlm/av_pairs.hpp"
#include "smtpseal/ntlm/challenge.hpp"
#include "smtpseal/ntlm/mic.hpp"
#include "smtpseal/ntlm/negotiate.hpp"
#include "smtpseal/ntlm/responses.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using namespace smtpseal::testing;

namespace {

constexpr std::uint32_t kModernGrant = kUnicode | kRequestTarget | kSign | kSeal | kNtlm | kAlwaysSign |
                                       kTargetTypeDomain | kExtendedSessionSecurity | kTargetInfo | kVersion |
                                       k128 | kKeyExch;

const std::string kInfoWithTime =
    "02000200440007000800"
    "0102030405060708"
    "00000000";

Bytes challenge(std::uint32_t flags, std::string_view info = kInfoWithTime) {
  const Bytes list = unhex(info);
  return encode_challenge({.flags = flags,
                           .server_challenge = example_server_challenge(),
                           .target_name = {},
                           .target_info = list,
                           .version = std::nullopt});
}

// What a client with `policy` makes of a CHALLENGE.
Result<Bytes> answer(const ClientPolicy& policy, const Bytes& challenge_wire) {
  Client client = make_client(policy);
  if (const auto negotiate = client.negotiate(); !negotiate) return negotiate.error();
  return client.authenticate(challenge_wire, kNow);
}

bool refuses(const ClientPolicy& policy, const Bytes& challenge_wire, errc why) {
  const auto wire = answer(policy, challenge_wire);
  return wire.has_error() && wire.error() == make_error_code(why);
}

std::uint32_t offered(const ClientPolicy& policy) {
  Client client = make_client(policy);
  return decode_negotiate(client.negotiate().value())->flags;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_client)

BOOST_AUTO_TEST_CASE(the_modern_profile_offers_no_more_than_it_accepts) {
  const std::uint32_t common =
      kUnicode | kRequestTarget | kNtlm | kAlwaysSign | kExtendedSessionSecurity | kVersion | k128;
  BOOST_TEST(offered(modern_policy(true, 128)) == (common | kSign | kSeal | kKeyExch));
  BOOST_TEST(offered(modern_policy(true, 56)) == (common | kSign | kSeal | kKeyExch | k56));
  BOOST_TEST(offered(modern_policy(false, 128)) == common);
}

BOOST_AUTO_TEST_CASE(the_exchange_profile_offers_what_exchange_offered) {
  BOOST_TEST(offered(exchange5_policy(true, 40)) == 0x400092b7U);
  BOOST_TEST(offered(exchange5_policy(true, 56)) == (0x400092b7U | k56));
  BOOST_TEST(offered(exchange5_policy(true, 128)) == ((0x400092b7U | k128) & ~std::uint32_t{kLmKey}));
}

BOOST_AUTO_TEST_CASE(refuses_a_challenge_without_what_is_required) {
  const ClientPolicy modern = modern_policy(true, 128);
  BOOST_TEST(answer(modern, challenge(kModernGrant)).has_value());
  BOOST_TEST(refuses(modern, challenge(kModernGrant & ~kSeal), errc::seal_not_negotiated));
  BOOST_TEST(refuses(modern, challenge(kModernGrant & ~k128), errc::weak_strength));
  BOOST_TEST(refuses(modern, challenge(kModernGrant & ~kExtendedSessionSecurity), errc::weak_response));
  BOOST_TEST(refuses(modern, challenge(kModernGrant & ~kUnicode), errc::no_common_encoding));
  BOOST_TEST(refuses(exchange5_policy(true, 56), challenge(0x400182b5, ""), errc::weak_strength));
  BOOST_TEST(answer(exchange5_policy(true, 40), challenge(0x400182b5, "")).has_value());
}

BOOST_AUTO_TEST_CASE(refuses_a_challenge_that_grants_what_was_not_offered) {
  const ClientPolicy modern = modern_policy(true, 128);
  for (const std::uint32_t flag : {std::uint32_t{kLmKey}, std::uint32_t{k56}, std::uint32_t{kDatagram},
                                   std::uint32_t{kRequestNonNtSessionKey}}) {
    BOOST_TEST(refuses(modern, challenge(kModernGrant | flag), errc::flags_changed));
  }
  for (const std::uint32_t flag : {std::uint32_t{kSeal}, std::uint32_t{kKeyExch}}) {
    BOOST_TEST(refuses(modern_policy(false, 128), challenge((kModernGrant & ~(kSeal | kKeyExch)) | flag),
                       errc::flags_changed));
  }
  BOOST_TEST(refuses(exchange5_policy(true, 40), challenge(0x400182b5 | kExtendedSessionSecurity, ""),
                     errc::flags_changed));
}

BOOST_AUTO_TEST_CASE(what_a_server_says_of_itself_is_no_change) {
  const std::uint32_t flags = kModernGrant | kTargetTypeServer | kIdentify | 0x00020000U;
  BOOST_TEST(answer(modern_policy(true, 128), challenge(flags)).has_value());
  const auto wire = answer(modern_policy(true, 128), challenge(kModernGrant)).value();
  BOOST_TEST((decode_authenticate(wire)->flags & ~offered(modern_policy(true, 128))) == 0U);
}

BOOST_AUTO_TEST_CASE(a_time_stamp_brings_a_mic_and_silences_lmv2) {
  Client client = make_client(modern_policy(true, 128));
  const Bytes negotiate = client.negotiate().value();
  const Bytes asked = challenge(kModernGrant);
  const Bytes wire = client.authenticate(asked, kNow).value();
  const auto message = decode_authenticate(wire).value();
  BOOST_TEST(hex(message.lm_response) == std::string(48, '0'));
  BOOST_TEST(message.has_mic_room);
  const auto blob = message.nt_response.subspan(kProofSize);
  BOOST_TEST(hex(blob.subspan(8, 8)) == "0102030405060708");
  const auto pairs = AvPairs::decode(blob.subspan(kBlobFixedSize)).value();
  BOOST_TEST(pairs.flags() == kAvFlagMicPresent);
  const auto mic =
      compute_mic(*shared_engine(), client.take_outcome().exported_session_key, {negotiate, asked, wire});
  BOOST_TEST(hex(ByteSpan(wire).subspan(kMicOffset, kMicSize)) == hex(mic));
}

BOOST_AUTO_TEST_CASE(without_a_time_stamp_it_uses_its_clock_and_lmv2) {
  for (const std::string info : {"02000200440000000000", ""}) {
    const std::uint32_t flags = info.empty() ? kModernGrant & ~kTargetInfo : kModernGrant;
    const Bytes wire = answer(modern_policy(true, 128), challenge(flags, info)).value();
    const auto message = decode_authenticate(wire).value();
    BOOST_TEST(hex(message.lm_response) != std::string(48, '0'));
    BOOST_TEST(!message.has_mic_room);
    ByteReader reader(message.nt_response.subspan(kProofSize + 8));
    BOOST_TEST(reader.u64le() == kNow);
    const auto pairs = AvPairs::decode(message.nt_response.subspan(kProofSize + kBlobFixedSize)).value();
    BOOST_TEST(pairs.flags() == 0U);
  }
}

BOOST_AUTO_TEST_CASE(names_the_target_and_binds_to_the_channel) {
  ClientPolicy policy = modern_policy(false, 128);
  policy.target_name = "SMTPSVC/mx.partner.example";
  policy.channel_bindings = unhex_array<16>("000102030405060708090a0b0c0d0e0f");
  // A server that answers for the client is corrected.
  const std::string info = "0900020058000a001000" + std::string(32, '7') + "02000200440000000000";
  const Bytes wire = answer(policy, challenge(kModernGrant & ~(kSeal | kKeyExch | kSign), info)).value();
  const auto message = decode_authenticate(wire).value();
  const auto pairs = AvPairs::decode(message.nt_response.subspan(kProofSize + kBlobFixedSize)).value();
  BOOST_TEST(hex(*pairs.find(AvId::channel_bindings)) == "000102030405060708090a0b0c0d0e0f");
  BOOST_TEST(pairs.find(AvId::target_name)->size() == 2 * policy.target_name.size());
  BOOST_TEST(pairs.pairs().size() == 3U);
}

BOOST_AUTO_TEST_CASE(says_where_the_target_name_came_from_a_source_that_may_be_forged) {
  const struct {
    std::string target;
    bool is_unverified;
    std::string server_flags;  // a server that says what is not its to say
    std::uint32_t flags;
  } rows[] = {{"SMTPSVC/mx.partner.example", true, "00000000", kAvFlagUntrustedSpn},
              {"SMTPSVC/mx.partner.example", false, "00000000", 0},
              {"SMTPSVC/mx.partner.example", false, "07000000", 1},
              {"SMTPSVC/mx.partner.example", true, "01000000", kAvFlagUntrustedSpn | 1},
              {"", true, "00000000", 0}};
  for (const auto& row : rows) {
    ClientPolicy policy = modern_policy(true, 128);
    policy.target_name = row.target;
    policy.target_name_is_unverified = row.is_unverified;
    const std::string info = "06000400" + row.server_flags + "02000200440000000000";
    const Bytes wire = answer(policy, challenge(kModernGrant, info)).value();
    const auto message = decode_authenticate(wire).value();
    const auto pairs = AvPairs::decode(message.nt_response.subspan(kProofSize + kBlobFixedSize)).value();
    BOOST_TEST(pairs.flags() == row.flags);
  }
}

BOOST_AUTO_TEST_CASE(without_an_lm_hash_the_nt_response_stands_in_both_fields) {
  ClientPolicy policy = exchange5_policy(true, 128);
  for (const bool has_lm_hash : {true, false}) {
    ClientIdentity who = identity();
    if (!has_lm_hash) who.lm_hash.reset();
    Client client = make_client(policy, std::move(who));
    BOOST_REQUIRE(client.negotiate().has_value());
    const Bytes wire = client.authenticate(challenge(0x60018235, ""), kNow).value();
    const auto message = decode_authenticate(wire).value();
    BOOST_TEST((hex(message.lm_response) == hex(message.nt_response)) == !has_lm_hash);
  }
}

BOOST_AUTO_TEST_CASE(lm_key_needs_an_lm_hash_that_is_a_secret) {
  for (const auto* hash : {"", "00000000000000000000000000000000", "aad3b435b51404eeaad3b435b51404ee"}) {
    ClientIdentity who = identity();
    who.lm_hash.reset();
    if (*hash != '\0') who.lm_hash = unhex_key(hash);
    Client client = make_client(exchange5_policy(true, 40), std::move(who));
    BOOST_CHECK(client.negotiate().error() == make_error_code(errc::lm_hash_unavailable));
    BOOST_CHECK(client.authenticate(challenge(0x400182b5, ""), kNow).error() ==
                make_error_code(errc::out_of_order));
  }
}

BOOST_AUTO_TEST_CASE(an_lm_response_alone_is_never_sent) {
  ClientPolicy policy = exchange5_policy(true, 40);
  policy.response = Response::lm;
  Client client = make_client(policy);
  BOOST_CHECK(client.negotiate().error() == make_error_code(errc::weak_response));
}

BOOST_AUTO_TEST_CASE(an_oem_session_carries_ascii_names_only) {
  ClientPolicy policy = exchange5_policy(true, 40);
  const Bytes asked = challenge((0x400182b5 & ~kUnicode) | kOem, "");
  const Bytes wire = answer(policy, asked).value();
  BOOST_TEST(as_text(decode_authenticate(wire)->user) == "Doug");
  ClientIdentity who = identity();
  who.user = "J\xc3\xbcrgen";
  Client client = make_client(policy, std::move(who));
  BOOST_REQUIRE(client.negotiate().has_value());
  BOOST_CHECK(client.authenticate(asked, kNow).error() == make_error_code(errc::bad_string));
}

BOOST_AUTO_TEST_CASE(a_domain_that_oem_cannot_write_is_left_out_of_negotiate) {
  ClientIdentity who = identity();
  who.domain = "M\xc3\x9cNCHEN";
  Client client = make_client(exchange5_policy(true, 40), std::move(who));
  const Bytes wire = client.negotiate().value();
  BOOST_TEST((decode_negotiate(wire)->flags & kOemDomainSupplied) == 0U);
}

BOOST_AUTO_TEST_CASE(refuses_a_challenge_cut_at_any_octet) {
  const Bytes wire = challenge(kModernGrant);
  for (std::size_t size = 0; size < wire.size(); ++size) {
    BOOST_TEST(answer(modern_policy(true, 128),
                      Bytes(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(size)))
                   .has_error());
  }
}

BOOST_AUTO_TEST_CASE(refuses_malformed_target_info) {
  BOOST_TEST(refuses(modern_policy(true, 128), challenge(kModernGrant, "0200020044"), errc::bad_av_pairs));
}

BOOST_AUTO_TEST_CASE(refuses_target_info_that_its_answer_could_not_carry) {
  std::string info =
      "ff00"
      "4023";
  info += std::string(std::size_t{2} * 0x2340, '5') + "00000000";
  BOOST_TEST(refuses(modern_policy(true, 128), challenge(kModernGrant, info), errc::too_long));
}

BOOST_AUTO_TEST_CASE(every_failure_is_final) {
  Client client = make_client(modern_policy(true, 128));
  BOOST_REQUIRE(client.negotiate().has_value());
  BOOST_TEST(client.authenticate(challenge(kModernGrant & ~kSeal), kNow).has_error());
  BOOST_CHECK(client.authenticate(challenge(kModernGrant), kNow).error() ==
              make_error_code(errc::out_of_order));

  Client twice = make_client(modern_policy(true, 128));
  BOOST_REQUIRE(twice.negotiate().has_value());
  BOOST_CHECK(twice.negotiate().error() == make_error_code(errc::out_of_order));
  BOOST_CHECK(twice.authenticate(challenge(kModernGrant), kNow).error() ==
              make_error_code(errc::out_of_order));

  Client early = make_client(modern_policy(true, 128));
  BOOST_CHECK(early.authenticate(challenge(kModernGrant), kNow).error() ==
              make_error_code(errc::out_of_order));

  Client answered = make_client(modern_policy(true, 128));
  BOOST_REQUIRE(answered.negotiate().has_value());
  BOOST_REQUIRE(answered.authenticate(challenge(kModernGrant), kNow).has_value());
  BOOST_CHECK(answered.authenticate(challenge(kModernGrant), kNow).error() ==
              make_error_code(errc::out_of_order));
}

BOOST_AUTO_TEST_CASE(nonces_are_drawn_anew) {
  const ClientNonces first = draw_nonces(*shared_engine());
  const ClientNonces second = draw_nonces(*shared_engine());
  BOOST_TEST(hex(first.client_challenge) != hex(second.client_challenge));
  BOOST_TEST(hex(first.random_session_key.octets()) != hex(second.random_session_key.octets()));
  BOOST_TEST(hex(draw_server_nonce(*shared_engine()).server_challenge) !=
             hex(draw_server_nonce(*shared_engine()).server_challenge));
}

BOOST_AUTO_TEST_SUITE_END()
