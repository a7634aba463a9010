// The one public handshake of Exchange 5.5 servers, from the Microsoft Knowledge Base article Q262945.
#include <boost/test/unit_test.hpp>
#include <string_view>

#include "handshake.hpp"
#include "smtpseal/ntlm/authenticate.hpp"
#include "smtpseal/ntlm/challenge.hpp"
#include "smtpseal/ntlm/negotiate.hpp"
#include "smtpseal/ntlm/text.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using namespace smtpseal::testing;

namespace {

// Stops at the first '='; the article's first token has one too many.
Bytes from_base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes octets;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text.substr(0, text.find('='))) {
    bits = bits << 6 | static_cast<unsigned>(digits.find(c));
    held += 6;
    if (held < 8) continue;
    held -= 8;
    octets.push_back(static_cast<std::byte>(bits >> held));
  }
  return octets;
}

const Bytes kNegotiate = from_base64("TlRMTVNTUAABAAAAt5IAQAcABwAgAAAAAAAAAAAAAABUSU1EVU1QAAAAAAAAAAAA=");
const Bytes kChallenge =
    from_base64("TlRMTVNTUAACAAAADgAOADAAAAC1ggFAkDTQvqfglJ8AAAAAAAAAAAAAAAA+AAAAVABJAE0ARABPAEYAVQA=");
const Bytes kAuthenticate = from_base64(
    "TlRMTVNTUAADAAAAGAAYAHgAAAAYABgAkAAAAA4ADgBAAAAAGgAaAE4AAAAQABAAaAAAABAAEACoAAAAtYIBQFQASQBNAEQATwBGAFUA"
    "YQBkAG0A"
    "aQBuAGkAcwB0AHIAYQB0AG8AcgBUAEkATQBOAFQAUwAyADAAY2qLBIf9tVBTxY9/NJ02/"
    "bhh87MSMPu+qZyHMgS735h75FsyxOlmOLegHnkDN8VF"
    "bU99BoofZ3hP6D2cFwsbsQ==");

std::string unicode(ByteSpan wire) {
  return decode_text(wire, Charset::unicode).value();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_exchange_trace)

BOOST_AUTO_TEST_CASE(negotiate_says_what_the_article_shows) {
  const auto message = decode_negotiate(kNegotiate).value();
  BOOST_TEST(message.flags == 0x400092b7U);
  BOOST_TEST(as_text(message.domain) == "TIMDUMP");
  BOOST_TEST(message.workstation.empty());
  BOOST_TEST(describe_flags(message.flags) ==
             "UNICODE,OEM,REQUEST_TARGET,SIGN,SEAL,LM_KEY,NTLM,OEM_DOMAIN_SUPPLIED,ALWAYS_SIGN,KEY_EXCH");
}

// Our client writes the octets of the article, but for the offset of the field that is not there and the fill
// at the end.
BOOST_AUTO_TEST_CASE(our_client_begins_as_exchange_did) {
  ClientIdentity who = identity();
  who.domain = "TIMDUMP";
  Client client = make_client(exchange5_policy(true, 40), std::move(who));
  Bytes wire = client.negotiate().value();
  store_u32le(0, wire.data() + 28);
  BOOST_TEST(hex(wire) == hex(ByteSpan(kNegotiate).first(wire.size())));
}

BOOST_AUTO_TEST_CASE(challenge_says_what_the_article_shows) {
  const auto message = decode_challenge(kChallenge).value();
  BOOST_TEST(message.flags == 0x400182b5U);
  BOOST_TEST(hex(message.server_challenge) == "9034d0bea7e0949f");
  BOOST_TEST(unicode(message.target_name) == "TIMDOFU");
  BOOST_TEST(message.target_info.empty());
  BOOST_TEST(hex(encode_challenge(message)) == hex(kChallenge));
}

BOOST_AUTO_TEST_CASE(our_server_answers_as_exchange_did) {
  ServerPolicy policy;
  policy.netbios_domain = "TIMDOFU";
  Server server(shared_engine(), std::make_shared<const ServerPolicy>(policy),
                {unhex_array<8>("9034d0bea7e0949f")});
  BOOST_TEST(hex(server.challenge(kNegotiate, kNow).value()) == hex(kChallenge));
}

BOOST_AUTO_TEST_CASE(authenticate_says_what_the_article_shows) {
  const auto message = decode_authenticate(kAuthenticate).value();
  BOOST_TEST(message.flags == 0x400182b5U);
  BOOST_TEST(message.lm_response.size() == 24U);
  BOOST_TEST(message.nt_response.size() == 24U);
  BOOST_TEST(unicode(message.domain) == "TIMDOFU");
  BOOST_TEST(unicode(message.user) == "administrator");
  BOOST_TEST(unicode(message.workstation) == "TIMNTS20");
  BOOST_TEST(message.encrypted_session_key.size() == 16U);
  BOOST_TEST(seal_strength(message.flags) == 40U);
  BOOST_TEST(hex(encode_authenticate(message)) == hex(kAuthenticate));
}

// Its password is not known, so all that a server can say of it is that it is some other one.
BOOST_AUTO_TEST_CASE(our_server_reads_the_claim_and_finds_the_password_wrong) {
  ServerPolicy policy;
  policy.netbios_domain = "TIMDOFU";
  Server server(shared_engine(), std::make_shared<const ServerPolicy>(policy),
                {unhex_array<8>("9034d0bea7e0949f")});
  BOOST_REQUIRE(server.challenge(kNegotiate, kNow).has_value());
  const auto claim = server.claim(kAuthenticate);
  BOOST_REQUIRE(claim.has_value());
  BOOST_TEST(claim->user == "administrator");
  const Account account;
  BOOST_CHECK(server.verify(account.secret(), kAnything, kNow).error() ==
              make_error_code(errc::wrong_credentials));
}

BOOST_AUTO_TEST_SUITE_END()
