#include "smtpseal/ntlm/seal_context.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "hex.hpp"
#include "smtpseal/ntlm/wire.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using smtpseal::testing::hex;
using smtpseal::testing::shared_engine;
using smtpseal::testing::unhex_key;

namespace {

struct Variant {
  std::uint32_t flags;
  HalfDuplexState state = HalfDuplexState::shared;
  [[nodiscard]] bool has_ess() const { return (flags & kExtendedSessionSecurity) != 0; }
};

// Every way of sealing there is.
const Variant kVariants[] = {
    {kExtendedSessionSecurity | k128 | kKeyExch},
    {kExtendedSessionSecurity | k128},
    {kExtendedSessionSecurity | k56 | kKeyExch},
    {kExtendedSessionSecurity | k56},
    {kExtendedSessionSecurity | kKeyExch},
    {kExtendedSessionSecurity},
    {k128 | kKeyExch},
    {kKeyExch},
    {kLmKey | k56 | kKeyExch},
    {kLmKey | kKeyExch},
    {k128 | kKeyExch, HalfDuplexState::separate},
    {kLmKey | kKeyExch, HalfDuplexState::separate},
};

struct Record {
  Bytes data;
  std::array<std::byte, kSignatureSize> signature{};
};

Record seal(SealContext& context, std::string_view plain) {
  Record record;
  append(record.data, as_bytes(plain));
  context.seal(record.data, record.signature);
  return record;
}

// The plaintext, or nothing where the record is refused.
std::string unseal(SealContext& context, Record record) {
  const auto unsealed = context.unseal(record.data, record.signature);
  return unsealed ? std::string(as_text(record.data)) : "refused";
}

SealContext make(Role role, const Variant& variant,
                 std::string_view key = "00112233445566778899aabbccddeeff") {
  return {*shared_engine(), role, variant.flags, unhex_key(key).octets(), variant.state};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_seal_context)

BOOST_AUTO_TEST_CASE(records_pass_both_ways_in_every_variant) {
  for (const Variant& variant : kVariants) {
    SealContext client = make(Role::client, variant);
    SealContext server = make(Role::server, variant);
    for (const std::string plain : {"", "x", "MAIL FROM:<a@partner.example>\r\n"}) {
      BOOST_TEST(unseal(server, seal(client, plain)) == plain);
      BOOST_TEST(unseal(client, seal(server, plain)) == plain);
      // Several in one direction.
      const Record first = seal(client, "first");
      const Record second = seal(client, "second");
      BOOST_TEST(unseal(server, first) == "first");
      BOOST_TEST(unseal(server, second) == "second");
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_sealed_is_not_the_plaintext) {
  for (const Variant& variant : kVariants) {
    SealContext client = make(Role::client, variant);
    const std::string plain(64, 'x');
    const Record first = seal(client, plain);
    const Record second = seal(client, plain);
    BOOST_TEST(as_text(first.data) != plain);
    BOOST_TEST(hex(first.data) != hex(second.data));
  }
}

BOOST_AUTO_TEST_CASE(sealing_to_other_memory_gives_the_same) {
  for (const Variant& variant : kVariants) {
    SealContext here = make(Role::client, variant);
    SealContext there = make(Role::client, variant);
    const std::string plain = "RCPT TO:<b@partner.example>\r\n";
    const Record want = seal(here, plain);
    Record got{.data = Bytes(plain.size())};
    there.seal(as_bytes(plain), got.data, got.signature);
    BOOST_TEST(hex(got.data) == hex(want.data));
    BOOST_TEST(hex(got.signature) == hex(want.signature));
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_change_of_any_bit) {
  for (const Variant& variant : kVariants) {
    SealContext sender = make(Role::client, variant);
    const Record good = seal(sender, "QUIT\r\n");
    for (std::size_t bit = 0; bit < 8 * (good.data.size() + kSignatureSize); ++bit) {
      Record bad = good;
      std::byte& octet =
          bit / 8 < kSignatureSize ? bad.signature[bit / 8] : bad.data[bit / 8 - kSignatureSize];
      octet ^= static_cast<std::byte>(1U << bit % 8);
      SealContext receiver = make(Role::server, variant);
      // RandomPad is not covered by anything: peers put there what they like.
      const bool is_random_pad = !variant.has_ess() && bit / 8 >= 4 && bit / 8 < 8;
      BOOST_TEST(unseal(receiver, bad) == (is_random_pad ? "QUIT\r\n" : "refused"));
    }
  }
}

BOOST_AUTO_TEST_CASE(refuses_replay_reordering_omission_and_truncation) {
  for (const Variant& variant : kVariants) {
    SealContext sender = make(Role::client, variant);
    const Record first = seal(sender, "first");
    const Record second = seal(sender, "second");
    const Record third = seal(sender, "");

    SealContext replayed = make(Role::server, variant);
    BOOST_TEST(unseal(replayed, first) == "first");
    BOOST_TEST(unseal(replayed, first) == "refused");

    SealContext reordered = make(Role::server, variant);
    BOOST_TEST(unseal(reordered, second) == "refused");

    SealContext omitted = make(Role::server, variant);
    BOOST_TEST(unseal(omitted, first) == "first");
    BOOST_TEST(unseal(omitted, third) == "refused");

    SealContext truncated = make(Role::server, variant);
    Record shorter = first;
    shorter.data.pop_back();
    BOOST_TEST(unseal(truncated, shorter) == "refused");
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_record_sent_back_to_its_sender) {
  for (const Variant& variant : kVariants) {
    // With separate states under one key both directions look alike: nothing in NTLM1 tells them apart.
    if (variant.state == HalfDuplexState::separate) continue;
    SealContext sender = make(Role::client, variant);
    const Record record = seal(sender, "NOOP\r\n");
    BOOST_TEST(unseal(sender, record) == "refused");
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_record_under_another_key_or_strength) {
  for (const Variant& variant : kVariants) {
    SealContext sender = make(Role::client, variant);
    const Record record = seal(sender, "NOOP\r\n");
    SealContext stranger = make(Role::server, variant, "10112233445566778899aabbccddeeff");
    BOOST_TEST(unseal(stranger, record) == "refused");
  }
  SealContext strong = make(Role::client, kVariants[0]);
  SealContext weak = make(Role::server, kVariants[2]);
  BOOST_TEST(unseal(weak, seal(strong, "NOOP\r\n")) == "refused");
}

BOOST_AUTO_TEST_CASE(is_dead_after_a_mismatch) {
  for (const Variant& variant : kVariants) {
    SealContext sender = make(Role::client, variant);
    SealContext receiver = make(Role::server, variant);
    Record bad = seal(sender, "first");
    bad.signature[12] ^= std::byte{1};
    BOOST_TEST(unseal(receiver, bad) == "refused");
    BOOST_TEST(unseal(receiver, seal(sender, "second")) == "refused");
    const Record nothing = seal(receiver, "secret");
    BOOST_TEST(hex(nothing.data) == std::string(12, '0'));
    BOOST_TEST(hex(nothing.signature) == std::string(32, '0'));
  }
}

BOOST_AUTO_TEST_CASE(a_shared_state_counts_both_directions_and_separate_ones_each) {
  for (const Variant& variant : kVariants) {
    SealContext client = make(Role::client, variant);
    SealContext server = make(Role::server, variant);
    BOOST_TEST(unseal(server, seal(client, "EHLO\r\n")) == "EHLO\r\n");
    const Record reply = seal(server, "250 \r\n");
    BOOST_TEST(unseal(client, reply) == "250 \r\n");
    const bool is_shared = !variant.has_ess() && variant.state == HalfDuplexState::shared;
    BOOST_TEST(client.is_half_duplex() == is_shared);
    if (variant.has_ess()) BOOST_TEST(load_u32le(reply.signature.data() + 12) == 0U);
  }
  // What tells an initiating side which of the two its peer does: each refuses the other's first reply.
  SealContext shared = make(Role::client, {kLmKey | kKeyExch, HalfDuplexState::shared});
  SealContext separate = make(Role::server, {kLmKey | kKeyExch, HalfDuplexState::separate});
  BOOST_TEST(unseal(separate, seal(shared, "EHLO\r\n")) == "EHLO\r\n");
  BOOST_TEST(unseal(shared, seal(separate, "250 \r\n")) == "refused");
}

BOOST_AUTO_TEST_CASE(directions_with_extended_session_security_do_not_wait_for_each_other) {
  SealContext client = make(Role::client, kVariants[0]);
  SealContext server = make(Role::server, kVariants[0]);
  const Record from_client = seal(client, "one");
  const Record from_server = seal(server, "two");
  BOOST_TEST(unseal(client, from_server) == "two");
  BOOST_TEST(unseal(server, from_client) == "one");
}

BOOST_AUTO_TEST_CASE(a_moved_context_goes_on) {
  for (const Variant& variant : kVariants) {
    SealContext sender = make(Role::client, variant);
    SealContext receiver = make(Role::server, variant);
    BOOST_TEST(unseal(receiver, seal(sender, "first")) == "first");
    SealContext other(std::move(receiver));
    BOOST_TEST(unseal(other, seal(sender, "second")) == "second");
    sender = make(Role::client, variant);
    BOOST_TEST(unseal(other, seal(sender, "first again")) == "refused");
  }
}

BOOST_AUTO_TEST_CASE(the_random_pad_sent_is_zero) {
  SealContext sender = make(Role::client, {k128 | kKeyExch});
  BOOST_TEST(hex(seal(sender, "x").signature).substr(0, 16) == "0100000000000000");
}

BOOST_AUTO_TEST_SUITE_END()
