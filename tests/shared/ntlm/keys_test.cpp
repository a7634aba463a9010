#include "smtpseal/ntlm/keys.hpp"

#include <boost/test/unit_test.hpp>

#include "published_example.hpp"
#include "smtpseal/ntlm/wire.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using namespace smtpseal::testing;

namespace {

std::string kxkey(std::uint32_t flags, Response response, ByteSpan lm_response) {
  const auto challenge = example_server_challenge();
  const auto lm = example_lm_hash();
  const auto base = session_base_key_v1(*shared_engine(), example_nt_hash());
  return hex(key_exchange_key(*shared_engine(),
                              {.flags = flags,
                               .response = response,
                               .server_challenge = challenge,
                               .lm_response = lm_response,
                               .lm_hash = &lm},
                              base)
                 .octets());
}

std::string encrypted_key(std::string_view exchange_key) {
  Bytes encrypted(16);
  shared_engine()->rc4(unhex(exchange_key), example_session_key().octets(), encrypted);
  return hex(encrypted);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_keys)

// [MS-NLMP] 4.2.2.1.3, 4.2.2.2.3 and 4.2.3.1.3.
BOOST_AUTO_TEST_CASE(published_exchange_keys_are_reproduced) {
  const Bytes lm_response = unhex("98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13");
  const Bytes ess_field = unhex("aaaaaaaaaaaaaaaa00000000000000000000000000000000");
  BOOST_TEST(kxkey(0, Response::ntlmv1, lm_response) == "d87262b0cde4b1cb7499becccdf10784");
  BOOST_TEST(kxkey(kLmKey, Response::ntlmv1, lm_response) == "b09e379f7fbecb1eaf0afdcb0383c8a0");
  BOOST_TEST(kxkey(kExtendedSessionSecurity, Response::ntlm2_session, ess_field) ==
             "eb93429a8bd952f8b89c55b87f475edc");
}

BOOST_AUTO_TEST_CASE(published_encrypted_session_keys_are_reproduced) {
  BOOST_TEST(encrypted_key("d87262b0cde4b1cb7499becccdf10784") == "518822b1b3f350c8958682ecbb3e3cb7");
  BOOST_TEST(encrypted_key("b09e379f7fbecb1eaf0afdcb0383c8a0") == "4cd7bb57d697ef9b549f02b8f9b37864");
  BOOST_TEST(encrypted_key("8de40ccadbc14a82f15cb0ad0de95ca3") == "c5dad2544fc9799094ce1ce90bc9d03e");
}

BOOST_AUTO_TEST_CASE(extended_session_security_wins_over_lm_key) {
  const Bytes ess_field = unhex("aaaaaaaaaaaaaaaa00000000000000000000000000000000");
  BOOST_TEST(kxkey(kExtendedSessionSecurity | kLmKey, Response::ntlm2_session, ess_field) ==
             kxkey(kExtendedSessionSecurity, Response::ntlm2_session, ess_field));
}

BOOST_AUTO_TEST_CASE(ntlmv2_exchanges_under_its_base_key_whatever_the_flags) {
  for (const std::uint32_t flags : {0U, std::uint32_t{kLmKey}, std::uint32_t{kExtendedSessionSecurity}}) {
    BOOST_TEST(kxkey(flags, Response::ntlmv2, {}) == "d87262b0cde4b1cb7499becccdf10784");
  }
}

BOOST_AUTO_TEST_CASE(an_lm_response_alone_leads_to_half_the_lm_hash) {
  BOOST_TEST(hex(session_base_key_lm(example_lm_hash()).octets()) == "e52cac67419a9a220000000000000000");
}

BOOST_AUTO_TEST_CASE(sealing_keys_without_extended_session_security_follow_lm_key_and_56) {
  const auto key = unhex("000102030405060708090a0b0c0d0e0f");
  struct Row {
    std::uint32_t flags;
    std::string want;
  };
  const Row rows[] = {
      {0, "000102030405060708090a0b0c0d0e0f"},    {k56, "000102030405060708090a0b0c0d0e0f"},
      {k128, "000102030405060708090a0b0c0d0e0f"}, {kLmKey | k56, "00010203040506a0"},
      {kLmKey | k56 | k128, "00010203040506a0"},  {kLmKey, "0001020304e538b0"},
      {kLmKey | k128, "0001020304e538b0"},
  };
  for (const Row& row : rows) {
    for (const Role sender : {Role::client, Role::server}) {
      BOOST_TEST(hex(seal_key(*shared_engine(), row.flags, key, sender).span()) == row.want);
    }
  }
}

BOOST_AUTO_TEST_CASE(extended_session_security_uses_as_much_of_the_key_as_agreed) {
  const Bytes one = unhex("000102030405060708090a0b0c0d0e0f");
  struct Row {
    std::uint32_t strength_flags;
    std::size_t octets;
  };
  for (const Row& row : {Row{0, 5}, Row{k56, 7}, Row{k128, 16}, Row{k128 | k56, 16}}) {
    const std::uint32_t flags = kExtendedSessionSecurity | row.strength_flags;
    const auto reference = hex(seal_key(*shared_engine(), flags, one, Role::client).span());
    for (std::size_t i = 0; i < one.size(); ++i) {
      Bytes other = one;
      other[i] ^= std::byte{1};
      const bool same = hex(seal_key(*shared_engine(), flags, other, Role::client).span()) == reference;
      BOOST_TEST(same == (i >= row.octets));
    }
    BOOST_TEST(hex(seal_key(*shared_engine(), flags, one, Role::server).span()) != reference);
  }
}

BOOST_AUTO_TEST_CASE(knows_lm_hashes_that_are_no_secret) {
  BOOST_TEST(is_public_lm_hash(unhex_key("00000000000000000000000000000000")));
  BOOST_TEST(is_public_lm_hash(unhex_key("aad3b435b51404eeaad3b435b51404ee")));
  BOOST_TEST(!is_public_lm_hash(example_lm_hash()));
  BOOST_TEST(!is_public_lm_hash(unhex_key("e0d9df6b58c4a145aad3b435b51404ee")));  // seven characters or fewer
}

BOOST_AUTO_TEST_SUITE_END()
