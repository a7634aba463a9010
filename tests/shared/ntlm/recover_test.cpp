// What a recorded exchange tells whoever knows the secret: the same key as both ends had.
#include "smtpseal/ntlm/recover.hpp"

#include <boost/test/unit_test.hpp>

#include "handshake.hpp"
#include "smtpseal/policy/ntlm_settings.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using namespace smtpseal::testing;

namespace {

// A handshake with its messages and the key that the client has.
struct Recording {
  Bytes negotiate;
  Bytes challenge;
  Bytes authenticate;
  Outcome outcome;

  [[nodiscard]] Transcript transcript() const { return {negotiate, challenge, authenticate}; }
};

Recording record(ClientPolicy policy, ServerPolicy server_side = server_policy()) {
  Server server = make_server(std::move(server_side));
  Client client = make_client(std::move(policy));
  Recording recording;
  recording.negotiate = client.negotiate().value();
  recording.challenge = server.challenge(recording.negotiate, kNow).value();
  recording.authenticate = client.authenticate(recording.challenge, kNow).value();
  recording.outcome = client.take_outcome();
  return recording;
}

void check_recovered(const ClientPolicy& policy, Response kind) {
  const Recording recording = record(policy);
  const Account account;
  const auto claim = read_claim(recording.transcript());
  BOOST_REQUIRE(claim.has_value());
  BOOST_CHECK(claim->response == kind);
  BOOST_TEST(claim->claim.user == "Doug");
  BOOST_TEST(claim->claim.domain == "INTELLINET");
  BOOST_TEST(claim->flags == recording.outcome.flags);
  BOOST_TEST(claim->flags_not_granted == 0U);
  BOOST_TEST(claim->time.has_value() == (kind == Response::ntlmv2));
  const auto recovered = recover(*shared_engine(), recording.transcript(), account.secret());
  BOOST_REQUIRE(recovered.has_value());
  BOOST_TEST(recovered->secret_is_right);
  BOOST_TEST(!recovered->lm_hash_is_missing);
  BOOST_TEST(recovered->strength == recording.outcome.strength);
  BOOST_TEST(recovered->mic_is_right.has_value() == (kind == Response::ntlmv2));
  if (recovered->mic_is_right) BOOST_TEST(*recovered->mic_is_right);
  BOOST_TEST(hex(recovered->exported_session_key.octets()) ==
             hex(recording.outcome.exported_session_key.octets()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_recover)

BOOST_AUTO_TEST_CASE(the_key_of_every_profile_and_strength_is_found) {
  for (const unsigned strength : {40U, 56U, 128U}) {
    check_recovered(policy::client_policy(policy::Profile::modern, true, strength), Response::ntlmv2);
    check_recovered(policy::client_policy(policy::Profile::exchange_55, true, strength), Response::ntlmv1);
  }
}

BOOST_AUTO_TEST_CASE(the_key_of_an_ntlm2_session_response_is_found) {
  ClientPolicy settings = modern_policy(true, 128);
  settings.response = Response::ntlm2_session;
  check_recovered(settings, Response::ntlm2_session);
}

BOOST_AUTO_TEST_CASE(a_wrong_secret_is_told) {
  const Recording recording = record(modern_policy(true, 128));
  const auto wrong = nt_of("another");
  const auto recovered = recover(*shared_engine(), recording.transcript(), {&wrong, nullptr});
  BOOST_REQUIRE(recovered.has_value());
  BOOST_TEST(!recovered->secret_is_right);
  BOOST_TEST(!recovered->mic_is_right.value());
}

BOOST_AUTO_TEST_CASE(an_lm_hash_that_is_needed_and_missing_is_told) {
  const Recording recording = record(policy::client_policy(policy::Profile::exchange_55, true, 40));
  const Account account;
  const auto recovered = recover(*shared_engine(), recording.transcript(), {&account.nt, nullptr});
  BOOST_REQUIRE(recovered.has_value());
  BOOST_TEST(recovered->secret_is_right);
  BOOST_TEST(recovered->lm_hash_is_missing);
}

BOOST_AUTO_TEST_CASE(an_altered_message_shows_in_the_mic) {
  Recording recording = record(modern_policy(true, 128));
  recording.negotiate.back() ^= std::byte{1};
  const Account account;
  const auto recovered = recover(*shared_engine(), recording.transcript(), account.secret());
  BOOST_TEST(recovered->secret_is_right);
  BOOST_TEST(!recovered->mic_is_right.value());
}

BOOST_AUTO_TEST_CASE(bindings_and_target_name_are_shown) {
  ClientPolicy settings = modern_policy(true, 128);
  settings.target_name = "SMTPSVC/mx.partner.example";
  settings.channel_bindings.emplace().fill(std::byte{7});
  const Recording recording = record(settings);
  const auto claim = read_claim(recording.transcript());
  BOOST_TEST(claim->target_name.value() == "SMTPSVC/mx.partner.example");
  BOOST_TEST(hex(claim->bindings.value()) == "07070707070707070707070707070707");
  const Recording plain = record(modern_policy(true, 128));
  BOOST_TEST(!read_claim(plain.transcript())->bindings.has_value());
}

// Server refuses such a login; whoever reads a recording is told.
BOOST_AUTO_TEST_CASE(flags_that_were_not_granted_are_told) {
  Recording recording = record(modern_policy(true, 128));
  recording.challenge[23] &= ~std::byte{0x20};  // 128
  const auto claim = read_claim(recording.transcript());
  BOOST_TEST(claim->flags_not_granted == k128);
  BOOST_TEST((claim->flags & k128) == 0U);
}

BOOST_AUTO_TEST_CASE(damaged_messages_are_refused) {
  const Account account;
  const Recording whole = record(modern_policy(true, 128));
  for (std::size_t size = 0; size < whole.authenticate.size(); ++size) {
    const Transcript cut{whole.negotiate, whole.challenge, ByteSpan(whole.authenticate).first(size)};
    BOOST_TEST(!recover(*shared_engine(), cut, account.secret()).has_value());
  }
  BOOST_TEST(!read_claim({whole.negotiate, whole.authenticate, whole.challenge}).has_value());
  BOOST_TEST(!read_claim({}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
