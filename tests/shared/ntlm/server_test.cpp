#include "smtpseal/ntlm/server.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <string>
#include <utility>

#include "handshake.hpp"
#include "smtpseal/ntlm/authenticate.hpp"
#include "smtpseal/ntlm/av_pairs.hpp"
#include "smtpseal/ntlm/challenge.hpp"
#include "smtpseal/ntlm/keys.hpp"
#include "smtpseal/ntlm/negotiate.hpp"
#include "smtpseal/ntlm/responses.hpp"
#include "smtpseal/ntlm/seal_context.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using namespace smtpseal::testing;

namespace {

// A client policy of every kind, with what must come out.
struct Kind {
  std::string name;
  ClientPolicy policy;
  Response response;
  bool sealed;
  unsigned strength;
};

ClientPolicy with(ClientPolicy policy, const std::function<void(ClientPolicy&)>& change) {
  change(policy);
  return policy;
}

std::vector<Kind> kinds() {
  const auto no_exchange = [](ClientPolicy& policy) { policy.key_exchange = false; };
  const auto ntlm2 = [](ClientPolicy& policy) { policy.response = Response::ntlm2_session; };
  const auto only_56 = [](ClientPolicy& policy) { policy.offer_128 = false; };
  const auto only_40 = [](ClientPolicy& policy) { policy.offer_128 = policy.offer_56 = false; };
  const ClientPolicy modern = modern_policy(true, 128);
  const ClientPolicy weak = modern_policy(true, 40);
  return {
      {"NTLMv2", modern, Response::ntlmv2, true, 128},
      {"NTLMv2 without KEY_EXCH", with(modern, no_exchange), Response::ntlmv2, true, 128},
      {"NTLMv2, 56", with(weak, only_56), Response::ntlmv2, true, 56},
      {"NTLMv2, 40", with(weak, only_40), Response::ntlmv2, true, 40},
      {"NTLMv2 without a seal", modern_policy(false, 128), Response::ntlmv2, false, 0},
      {"NTLM2 session", with(modern, ntlm2), Response::ntlm2_session, true, 128},
      {"NTLM2 session without KEY_EXCH", with(with(modern, ntlm2), no_exchange), Response::ntlm2_session,
       true, 128},
      {"NTLMv1", exchange5_policy(true, 128), Response::ntlmv1, true, 128},
      {"NTLMv1 without KEY_EXCH", with(exchange5_policy(true, 128), no_exchange), Response::ntlmv1, true,
       128},
      {"NTLMv1, LM_KEY, 56", exchange5_policy(true, 56), Response::ntlmv1, true, 56},
      {"NTLMv1, LM_KEY, 40", exchange5_policy(true, 40), Response::ntlmv1, true, 40},
      {"NTLMv1, LM_KEY, 40, without KEY_EXCH", with(exchange5_policy(true, 40), no_exchange),
       Response::ntlmv1, true, 40},
      {"NTLMv1 without a seal", exchange5_policy(false, 128), Response::ntlmv1, false, 0},
  };
}

// The messages of one handshake, to be altered and put before a server with the same nonce.
struct Exchange {
  explicit Exchange(const ClientPolicy& policy, ServerPolicy own_policy = server_policy())
      : shared_policy(std::make_shared<const ServerPolicy>(std::move(own_policy))),
        nonce(draw_server_nonce(*shared_engine())) {
    Client client = make_client(policy);
    negotiate = client.negotiate().value();
    challenge = server().challenge(negotiate, kNow).value();
    authenticate = client.authenticate(challenge, kNow).value();
  }

  [[nodiscard]] Server server() const { return {shared_engine(), shared_policy, nonce}; }

  Result<Outcome> judge(const Bytes& negotiate_wire, const Bytes& authenticate_wire,
                        const AccountRequirements& required = kAnything, std::uint64_t now = kNow) const {
    const Account account;
    Server fresh = server();
    if (const auto wire = fresh.challenge(negotiate_wire, kNow); !wire) return wire.error();
    if (const auto claim = fresh.claim(authenticate_wire); !claim) return claim.error();
    return fresh.verify(account.secret(), required, now);
  }
  [[nodiscard]] Result<Outcome> judge(const Bytes& authenticate_wire) const {
    return judge(negotiate, authenticate_wire);
  }

  std::shared_ptr<const ServerPolicy> shared_policy;
  ServerNonce nonce;
  Bytes negotiate, challenge, authenticate;
};

bool fails(const Result<Outcome>& outcome, errc why) {
  return outcome.has_error() && outcome.error() == make_error_code(why);
}

Bytes with_flags(Bytes authenticate, std::uint32_t set, std::uint32_t clear) {
  store_u32le((load_u32le(authenticate.data() + 60) | set) & ~clear, authenticate.data() + 60);
  return authenticate;
}

Bytes negotiate_of(std::uint32_t flags) {
  return encode_negotiate({.flags = flags, .domain = {}, .workstation = {}, .version = std::nullopt});
}

std::uint32_t granted(std::uint32_t offered, const ServerPolicy& policy = server_policy()) {
  Server server = make_server(policy);
  return decode_challenge(server.challenge(negotiate_of(offered), kNow).value())->flags;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_server)

BOOST_AUTO_TEST_CASE(every_kind_of_client_gets_in_and_both_sides_hold_the_same_key) {
  const Account account;
  for (const Kind& kind : kinds()) {
    BOOST_TEST_CONTEXT(kind.name) {
      Client client = make_client(kind.policy);
      const Handshake handshake{.client_policy = kind.policy};
      const auto outcome = handshake.run(client, account.secret());
      BOOST_REQUIRE(outcome.has_value());
      BOOST_CHECK(outcome->response == kind.response);
      BOOST_TEST(outcome->sealed == kind.sealed);
      BOOST_TEST(outcome->strength == kind.strength);
      BOOST_TEST(outcome->mic_verified == (kind.response == Response::ntlmv2));
      BOOST_TEST(outcome->user == "Doug");
      BOOST_TEST(outcome->domain == "INTELLINET");
      BOOST_TEST(outcome->workstation == "HONORS");

      const Outcome own = client.take_outcome();
      BOOST_TEST(hex(own.exported_session_key.octets()) == hex(outcome->exported_session_key.octets()));
      BOOST_CHECK(own.response == outcome->response);
      BOOST_TEST(own.strength == outcome->strength);
      BOOST_TEST(own.sealed == outcome->sealed);
      if (!kind.sealed) continue;
      SealContext from(*shared_engine(), Role::client, own.flags, own.exported_session_key.octets());
      SealContext to(*shared_engine(), Role::server, outcome->flags, outcome->exported_session_key.octets());
      Bytes data(5, std::byte{'x'});
      std::array<std::byte, kSignatureSize> signature{};
      from.seal(data, signature);
      BOOST_TEST(to.unseal(data, signature).has_value());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_password_and_an_unknown_user_look_alike) {
  const Account account;
  for (const Kind& kind : kinds()) {
    BOOST_TEST_CONTEXT(kind.name) {
      const Handshake handshake{.client_policy = kind.policy};
      Client wrong = make_client(kind.policy, identity("Secret-Pw2"));
      BOOST_TEST(fails(handshake.run(wrong, account.secret()), errc::wrong_credentials));
      Client unknown = make_client(kind.policy);
      BOOST_TEST(fails(handshake.run(unknown, std::nullopt), errc::wrong_credentials));
      Client hashless = make_client(kind.policy);
      BOOST_TEST(fails(handshake.run(hashless, AccountSecret{}), errc::wrong_credentials));
    }
  }
}

// The stand-in for an unknown account is a hash of zeros; knowing that must not help.
BOOST_AUTO_TEST_CASE(the_stand_in_for_an_unknown_user_is_no_password) {
  for (const Kind& kind : kinds()) {
    ClientIdentity who = identity();
    who.nt_hash = crypto::Key16();
    if (kind.policy.lm_key) continue;
    who.lm_hash = crypto::Key16();
    Client client = make_client(kind.policy, std::move(who));
    BOOST_TEST(
        fails(Handshake{.client_policy = kind.policy}.run(client, std::nullopt), errc::wrong_credentials));
  }
}

BOOST_AUTO_TEST_CASE(refuses_what_is_below_the_requirements) {
  for (const Kind& kind : kinds()) {
    BOOST_TEST_CONTEXT(kind.name) {
      Handshake handshake{.client_policy = kind.policy};
      handshake.required = AccountRequirements{};
      const auto outcome = handshake.run();
      if (kind.response != Response::ntlmv2) {
        BOOST_TEST(fails(outcome, errc::weak_response));
      } else if (kind.sealed && kind.strength < 128) {
        BOOST_TEST(fails(outcome, errc::weak_strength));
      } else {
        BOOST_TEST(outcome.has_value());
      }
      handshake.required = {.minimum_response = kind.response, .minimum_strength = kind.strength};
      BOOST_TEST(handshake.run().has_value());
    }
  }
}

BOOST_AUTO_TEST_CASE(grants_the_intersection) {
  struct Row {
    std::uint32_t offered, want;
  };
  const std::uint32_t modern =
      kUnicode | kRequestTarget | kNtlm | kSign | kSeal | kExtendedSessionSecurity | k128 | kKeyExch;
  const Row rows[] = {
      {modern, modern | kTargetTypeDomain | kTargetInfo},
      {modern | kOem, modern | kTargetTypeDomain | kTargetInfo},
      {modern | kLmKey, modern | kTargetTypeDomain | kTargetInfo},  // ESS is preferred
      {0x400092b7, 0x400182b5},                                     // as Exchange 5.5 answered Exchange 5.5
      {kOem | kNtlm, kOem | kNtlm},
      {kUnicode | kNtlm | kKeyExch, kUnicode | kNtlm},  // nothing to exchange a key for
      {kUnicode | kNtlm | kDatagram | kAnonymous | kRequestNonNtSessionKey | kIdentify, kUnicode | kNtlm},
  };
  for (const Row& row : rows) BOOST_TEST(granted(row.offered) == row.want);
}

BOOST_AUTO_TEST_CASE(grants_no_more_than_its_policy) {
  ServerPolicy policy = server_policy();
  policy.allow_seal = policy.allow_sign_alone = policy.allow_lm_key = policy.allow_56 = policy.allow_128 =
      policy.send_target_info = false;
  const std::uint32_t all = 0xffffffff & ~std::uint32_t{kExtendedSessionSecurity};
  const std::uint32_t none = kSign | kSeal | kKeyExch | kLmKey | k56 | k128 | kTargetInfo;
  BOOST_TEST((granted(all, policy) & none) == 0U);
  BOOST_TEST((granted(all) & none) == none);
  policy.netbios_domain.clear();
  BOOST_TEST((granted(all, policy) & (kTargetTypeDomain | kTargetTypeServer)) == kTargetTypeServer);
}

BOOST_AUTO_TEST_CASE(grants_integrity_without_a_seal_where_that_is_allowed) {
  ServerPolicy policy = server_policy();
  policy.allow_seal = false;
  BOOST_TEST((granted(kUnicode | kNtlm | kSign | kSeal | kKeyExch, policy) & (kSign | kSeal | kKeyExch)) ==
             (kSign | kKeyExch));
  policy.allow_sign_alone = false;
  BOOST_TEST((granted(kUnicode | kNtlm | kSign | kSeal | kKeyExch, policy) & (kSign | kSeal | kKeyExch)) ==
             0U);
  policy.allow_seal = true;
  BOOST_TEST((granted(kUnicode | kNtlm | kSign, policy) & kSign) == 0U);
  BOOST_TEST((granted(kUnicode | kNtlm | kSign | kSeal, policy) & (kSign | kSeal)) == (kSign | kSeal));
}

BOOST_AUTO_TEST_CASE(an_exchange_client_gets_a_challenge_of_its_days) {
  Server server = make_server();
  const Bytes wire = server.challenge(negotiate_of(0x400092b7), kNow).value();
  const auto message = decode_challenge(wire).value();
  BOOST_TEST(message.target_info.empty());
  BOOST_TEST(hex(message.target_name) == "50004100520054004e0045005200");
  BOOST_TEST(load_u32le(wire.data() + 16) == 48U);  // no version either
}

BOOST_AUTO_TEST_CASE(names_itself_and_its_time) {
  Server server = make_server();
  const Bytes wire = server.challenge(negotiate_of(kUnicode | kExtendedSessionSecurity), kNow).value();
  const auto pairs = AvPairs::decode(decode_challenge(wire)->target_info).value();
  BOOST_TEST(*pairs.timestamp() == kNow);
  for (const AvId id :
       {AvId::nb_domain_name, AvId::nb_computer_name, AvId::dns_domain_name, AvId::dns_computer_name}) {
    BOOST_TEST(pairs.find(id).has_value());
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_client_without_a_character_set) {
  Server server = make_server();
  BOOST_CHECK(server.challenge(negotiate_of(kNtlm), kNow).error() ==
              make_error_code(errc::no_common_encoding));
}

BOOST_AUTO_TEST_CASE(serves_oem_clients) {
  ClientPolicy policy = exchange5_policy(true, 40);
  Exchange exchange(policy);
  // The client offers both; the server it meets knows OEM only.
  const Bytes offer = negotiate_of(0x400092b7 & ~std::uint32_t{kUnicode | kOemDomainSupplied});
  Server server = exchange.server();
  const Bytes challenge = server.challenge(offer, kNow).value();
  Client client = make_client(policy);
  BOOST_REQUIRE(client.negotiate().has_value());
  const Bytes authenticate = client.authenticate(challenge, kNow).value();
  BOOST_TEST(as_text(decode_authenticate(authenticate)->user) == "Doug");
  const auto outcome = exchange.judge(offer, authenticate);
  BOOST_REQUIRE(outcome.has_value());
  BOOST_TEST(outcome->user == "Doug");
}

BOOST_AUTO_TEST_CASE(refuses_flags_that_were_not_granted) {
  // Without a MIC, so that nothing else can refuse them.
  Exchange exchange(exchange5_policy(true, 128));
  BOOST_TEST(exchange.judge(exchange.authenticate).has_value());
  for (const std::uint32_t flag :
       {std::uint32_t{kLmKey}, std::uint32_t{kExtendedSessionSecurity}, std::uint32_t{k56},
        std::uint32_t{kDatagram}, std::uint32_t{kRequestNonNtSessionKey}}) {
    BOOST_TEST(fails(exchange.judge(with_flags(exchange.authenticate, flag, 0)), errc::flags_changed));
  }
  Exchange unsealed(exchange5_policy(false, 128));
  for (const std::uint32_t flag : {std::uint32_t{kSeal}, std::uint32_t{kKeyExch}}) {
    BOOST_TEST(fails(unsealed.judge(with_flags(unsealed.authenticate, flag, 0)), errc::flags_changed));
  }
}

BOOST_AUTO_TEST_CASE(a_client_that_drops_the_seal_is_not_sealed) {
  Exchange exchange(exchange5_policy(true, 128));
  const auto outcome = exchange.judge(with_flags(exchange.authenticate, 0, kSeal));
  BOOST_REQUIRE(outcome.has_value());
  BOOST_TEST(!outcome->sealed);
  BOOST_TEST(outcome->strength == 0U);
}

// Samba does so. ESS comes in, LM_KEY goes out, and the strength is judged by what was granted.
BOOST_AUTO_TEST_CASE(ntlmv2_may_add_extended_session_security) {
  ServerPolicy silent = server_policy();
  silent.send_target_info = false;
  Exchange exchange(modern_policy(true, 128), silent);
  const std::uint32_t offer =
      load_u32le(exchange.negotiate.data() + 12) & ~std::uint32_t{kExtendedSessionSecurity};
  ClientPolicy policy = modern_policy(true, 128);
  for (const bool grants_128 : {true, false}) {
    const Bytes poor = negotiate_of(grants_128 ? offer : offer & ~std::uint32_t{k128});
    Server server = exchange.server();
    const Bytes challenge = server.challenge(poor, kNow).value();
    BOOST_TEST((decode_challenge(challenge)->flags & kExtendedSessionSecurity) == 0U);
    // Our own client would refuse, so it is told otherwise. No time stamp, hence no MIC over the altered
    // message.
    Bytes altered = challenge;
    store_u32le(load_u32le(altered.data() + 20) | kExtendedSessionSecurity | k128, altered.data() + 20);
    Client client = make_client(policy);
    BOOST_REQUIRE(client.negotiate().has_value());
    Bytes authenticate = client.authenticate(altered, kNow).value();
    if (!grants_128) authenticate = with_flags(authenticate, 0, k128);
    const auto outcome = exchange.judge(poor, authenticate);
    BOOST_REQUIRE(outcome.has_value());
    BOOST_TEST((outcome->flags & kExtendedSessionSecurity) != 0U);
    BOOST_TEST(outcome->strength == (grants_128 ? 128U : 40U));
    BOOST_TEST(fails(exchange.judge(poor, authenticate,
                                    {.minimum_response = Response::ntlmv2, .minimum_strength = 128}),
                     errc::weak_strength) == !grants_128);
  }
}

BOOST_AUTO_TEST_CASE(lm_key_under_a_known_lm_hash_is_no_seal) {
  const ClientPolicy policy = exchange5_policy(true, 40);
  const Handshake handshake{.client_policy = policy};
  for (const char* hash : {"", "00000000000000000000000000000000", "aad3b435b51404eeaad3b435b51404ee"}) {
    Account account;
    account.lm.reset();
    if (*hash != '\0') account.lm = unhex_key(hash);
    Client client = make_client(policy);
    BOOST_TEST(fails(handshake.run(client, account.secret()), errc::weak_strength));
  }
}

BOOST_AUTO_TEST_CASE(anonymous_clients_are_refused) {
  Exchange exchange(exchange5_policy(false, 128));
  BOOST_TEST(fails(exchange.judge(with_flags(exchange.authenticate, kAnonymous, 0)), errc::anonymous));
  ClientIdentity nobody = identity();
  nobody.user.clear();
  Client client = make_client(modern_policy(true, 128), std::move(nobody));
  const Account account;
  BOOST_TEST(fails(Handshake{.client_policy = modern_policy(true, 128)}.run(client, account.secret()),
                   errc::anonymous));

  auto message = decode_authenticate(exchange.authenticate).value();
  message.nt_response = {};
  message.lm_response = as_bytes(std::string_view("\0", 1));
  BOOST_TEST(fails(exchange.judge(encode_authenticate(message)), errc::anonymous));
}

BOOST_AUTO_TEST_CASE(an_lm_response_alone_is_taken_only_where_it_is_allowed) {
  Exchange exchange(exchange5_policy(true, 128));
  auto message = decode_authenticate(exchange.authenticate).value();
  message.nt_response = {};
  const Bytes wire = encode_authenticate(message);
  const auto outcome = exchange.judge(exchange.negotiate, wire, kAnything);
  BOOST_REQUIRE(outcome.has_value());
  BOOST_CHECK(outcome->response == Response::lm);
  BOOST_TEST(fails(exchange.judge(exchange.negotiate, wire,
                                  {.minimum_response = Response::ntlmv1, .minimum_strength = 40}),
                   errc::weak_response));
  Bytes wrong = wire;
  const std::size_t lm_offset = load_u32le(wire.data() + 16);
  wrong[lm_offset] ^= std::byte{1};
  BOOST_TEST(fails(exchange.judge(wrong), errc::wrong_credentials));
}

BOOST_AUTO_TEST_CASE(responses_of_impossible_size_are_refused) {
  Exchange exchange(exchange5_policy(true, 128));
  const auto good = decode_authenticate(exchange.authenticate).value();
  const Bytes longer(43, std::byte{1});
  for (const std::size_t size : {1U, 16U, 23U, 25U, 43U}) {
    auto message = good;
    message.nt_response = ByteSpan(longer).first(size);
    BOOST_TEST(fails(exchange.judge(encode_authenticate(message)), errc::truncated));
  }
  auto message = good;
  message.lm_response = ByteSpan(longer).first(7);
  BOOST_TEST(fails(exchange.judge(encode_authenticate(message)), errc::truncated));
}

BOOST_AUTO_TEST_CASE(a_session_key_must_be_whole) {
  Exchange exchange(modern_policy(true, 128));
  const Bytes octets(17);
  for (const std::size_t size : {0U, 8U, 15U, 17U}) {
    auto message = decode_authenticate(exchange.authenticate).value();
    message.encrypted_session_key = ByteSpan(octets).first(size);
    BOOST_TEST(fails(exchange.judge(encode_authenticate(message)), errc::truncated));
  }
}

BOOST_AUTO_TEST_CASE(a_change_of_any_octet_is_noticed_by_the_mic) {
  Exchange exchange(modern_policy(true, 128));
  BOOST_TEST(exchange.judge(exchange.authenticate)->mic_verified);
  for (std::size_t i = 0; i < exchange.authenticate.size(); ++i) {
    Bytes altered = exchange.authenticate;
    altered[i] ^= std::byte{1};
    BOOST_TEST_CONTEXT("octet " << i) BOOST_TEST(exchange.judge(altered).has_error());
  }
  for (std::size_t i = 12; i < exchange.negotiate.size(); ++i) {
    Bytes altered = exchange.negotiate;
    altered[i] ^= std::byte{2};
    BOOST_TEST_CONTEXT("octet " << i) BOOST_TEST(exchange.judge(altered, exchange.authenticate).has_error());
  }
}

BOOST_AUTO_TEST_CASE(an_announced_mic_must_be_there_and_right) {
  Exchange exchange(modern_policy(true, 128));
  auto message = decode_authenticate(exchange.authenticate).value();
  message.has_mic_room = false;
  BOOST_TEST(fails(exchange.judge(encode_authenticate(message)), errc::mic_missing));
  message.has_mic_room = true;
  BOOST_TEST(fails(exchange.judge(encode_authenticate(message)), errc::mic_mismatch));
}

// Without our time stamp in the CHALLENGE a client sends no MIC, and nothing else protects the flags of its
// answer.
BOOST_AUTO_TEST_CASE(an_answer_to_a_challenge_without_our_time_is_refused) {
  Exchange exchange(modern_policy(true, 128));
  const Bytes id_and_size = unhex("07000800");
  const auto found = std::ranges::search(exchange.challenge, id_and_size).begin();
  BOOST_REQUIRE(found != exchange.challenge.end());

  Bytes hidden = exchange.challenge;  // under another AvId, so that lengths stay
  hidden[static_cast<std::size_t>(found - exchange.challenge.begin())] = std::byte{5};
  Bytes shifted = exchange.challenge;
  shifted[static_cast<std::size_t>(found - exchange.challenge.begin()) + 4] ^= std::byte{1};
  const auto answer_to = [](const Bytes& altered) {
    Client client = make_client(modern_policy(true, 128));
    BOOST_REQUIRE(client.negotiate().has_value());
    return client.authenticate(altered, kNow).value();
  };
  const std::uint32_t protection = kSeal | kSign | kKeyExch | kAlwaysSign;
  BOOST_TEST(fails(exchange.judge(answer_to(hidden)), errc::challenge_changed));
  BOOST_TEST(fails(exchange.judge(with_flags(answer_to(hidden), 0, protection)), errc::challenge_changed));
  BOOST_TEST(exchange.judge(answer_to(shifted)).has_error());
}

// Who strips ESS and TARGET_INFO from NEGOTIATE makes the server send no time stamp at all.
BOOST_AUTO_TEST_CASE(an_ntlmv2_answer_without_target_information_of_ours_is_refused) {
  Exchange exchange(modern_policy(true, 128));
  const std::uint32_t offered =
      load_u32le(exchange.negotiate.data() + 12) & ~(kExtendedSessionSecurity | kTargetInfo);
  Bytes stripped = exchange.negotiate;
  store_u32le(offered, stripped.data() + 12);
  Bytes hidden = exchange.challenge;
  const auto found = std::ranges::search(hidden, unhex("07000800")).begin();
  BOOST_REQUIRE(found != hidden.end());
  *found = std::byte{5};
  Client client = make_client(modern_policy(true, 128));
  BOOST_REQUIRE(client.negotiate().has_value());
  const Bytes answer = client.authenticate(hidden, kNow).value();
  const std::uint32_t refused =
      kExtendedSessionSecurity | kTargetInfo | kSeal | kSign | kKeyExch | kAlwaysSign;
  BOOST_TEST(fails(exchange.judge(stripped, with_flags(answer, 0, refused)), errc::challenge_changed));
}

BOOST_AUTO_TEST_CASE(refuses_a_message_cut_at_any_octet) {
  for (const Kind& kind : kinds()) {
    Exchange exchange(kind.policy);
    for (std::size_t size = 0; size < exchange.authenticate.size(); ++size) {
      const Bytes cut(exchange.authenticate.begin(),
                      exchange.authenticate.begin() + static_cast<std::ptrdiff_t>(size));
      BOOST_TEST(exchange.judge(cut).has_error());
    }
  }
}

BOOST_AUTO_TEST_CASE(names_must_be_names) {
  Exchange exchange(exchange5_policy(true, 128));
  const auto good = decode_authenticate(exchange.authenticate).value();
  for (const char* name : {"41", "3dd8", "0000", "41000a00", "0d000a00"}) {
    const Bytes octets = unhex(name);
    auto message = good;
    message.user = octets;
    BOOST_TEST(fails(exchange.judge(encode_authenticate(message)), errc::bad_string));
    message = good;
    message.workstation = octets;
    BOOST_TEST(fails(exchange.judge(encode_authenticate(message)), errc::bad_string));
  }
}

BOOST_AUTO_TEST_CASE(a_response_is_good_for_half_an_hour) {
  Exchange exchange(modern_policy(true, 128));
  const auto at = [&](std::uint64_t now) {
    return exchange.judge(exchange.negotiate, exchange.authenticate, {}, now);
  };
  BOOST_TEST(at(kNow + 30 * kMinute).has_value());
  BOOST_TEST(at(kNow - 30 * kMinute).has_value());
  BOOST_TEST(fails(at(kNow + 31 * kMinute), errc::stale_timestamp));
  BOOST_TEST(fails(at(kNow - 31 * kMinute), errc::stale_timestamp));
  BOOST_TEST(fails(at(0), errc::stale_timestamp));
  BOOST_TEST(fails(at(~std::uint64_t{0}), errc::stale_timestamp));
}

BOOST_AUTO_TEST_CASE(a_response_is_good_for_its_challenge_only) {
  for (const Kind& kind : kinds()) {
    Exchange first(kind.policy);
    Exchange second(kind.policy);
    BOOST_TEST(fails(second.judge(first.authenticate), errc::wrong_credentials));
  }
}

BOOST_AUTO_TEST_CASE(channel_bindings_must_match_where_there_are_any) {
  const auto ours = unhex_array<16>("000102030405060708090a0b0c0d0e0f");
  const auto other = unhex_array<16>("ff0102030405060708090a0b0c0d0e0f");
  struct Row {
    std::optional<crypto::Digest16> client, server;
    bool required, accepted;
  };
  const Row rows[] = {
      {ours, ours, true, true},
      {ours, ours, false, true},
      {other, ours, true, false},
      {other, ours, false, false},  // present and different: somebody in the middle
      {std::nullopt, ours, true, false},
      {std::nullopt, ours, false, true},
      {ours, std::nullopt, true, false},
      {ours, std::nullopt, false, true},
      {std::nullopt, std::nullopt, true, false},
      {std::nullopt, std::nullopt, false, true},
  };
  for (const Row& row : rows) {
    Handshake handshake{.client_policy = modern_policy(false, 128)};
    handshake.client_policy.channel_bindings = row.client;
    handshake.policy.channel_bindings = row.server;
    handshake.policy.require_channel_bindings = row.required;
    const auto outcome = handshake.run();
    BOOST_TEST(outcome.has_value() == row.accepted);
    if (!row.accepted) BOOST_TEST(fails(outcome, errc::bindings_mismatch));
  }
  Handshake foreign{.client_policy = modern_policy(false, 128)};
  foreign.policy.refuse_foreign_bindings = true;
  BOOST_TEST(foreign.run().has_value());
  foreign.client_policy.channel_bindings = ours;
  BOOST_TEST(fails(foreign.run(), errc::bindings_mismatch));
  // Only NTLMv2 can carry them.
  Handshake old{.client_policy = exchange5_policy(false, 128)};
  old.policy.channel_bindings = ours;
  old.policy.require_channel_bindings = true;
  BOOST_TEST(fails(old.run(), errc::bindings_mismatch));
}

BOOST_AUTO_TEST_CASE(every_step_has_its_turn_once) {
  const Account account;
  Exchange exchange(modern_policy(true, 128));
  const auto out_of_order = make_error_code(errc::out_of_order);

  Server early = exchange.server();
  BOOST_CHECK(early.claim(exchange.authenticate).error() == out_of_order);
  BOOST_CHECK(early.challenge(exchange.negotiate, kNow).error() == out_of_order);

  Server unclaimed = exchange.server();
  BOOST_REQUIRE(unclaimed.challenge(exchange.negotiate, kNow).has_value());
  BOOST_CHECK(unclaimed.verify(account.secret(), kAnything, kNow).error() == out_of_order);
  BOOST_CHECK(unclaimed.claim(exchange.authenticate).error() == out_of_order);

  Server twice = exchange.server();
  BOOST_REQUIRE(twice.challenge(exchange.negotiate, kNow).has_value());
  BOOST_REQUIRE(twice.claim(exchange.authenticate).has_value());
  BOOST_REQUIRE(twice.verify(std::nullopt, kAnything, kNow).has_error());
  BOOST_CHECK(twice.verify(account.secret(), kAnything, kNow).error() == out_of_order);
}

BOOST_AUTO_TEST_CASE(long_messages_are_refused_before_they_are_kept) {
  Exchange exchange(modern_policy(true, 128));
  Bytes wire = exchange.authenticate;
  wire.resize(1000000);
  BOOST_TEST(fails(exchange.judge(wire), errc::too_long));
  Bytes offer = exchange.negotiate;
  offer.resize(1000000);
  BOOST_TEST(fails(exchange.judge(offer, exchange.authenticate), errc::too_long));
}

BOOST_AUTO_TEST_SUITE_END()
