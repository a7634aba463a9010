// Live sessions with gss-ntlmssp in both roles: every kind of session that it can be brought to.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "gss_environment.hpp"
#include "gss_peer.hpp"
#include "handshake.hpp"
#include "smtpseal/ntlm/channel_bindings.hpp"
#include "smtpseal/ntlm/filetime.hpp"
#include "smtpseal/ntlm/seal_context.hpp"

namespace {

using namespace smtpseal;
using namespace smtpseal::ntlm;
using namespace smtpseal::testing;

const std::string kPassword = Environment::kPassword;

// Our side of an established session.
class OurRecords {
 public:
  OurRecords(Role role, const Outcome& outcome)
      : context_(*shared_engine(), role, outcome.flags, outcome.exported_session_key.octets()) {}

  Bytes wrap(ByteSpan plain) {
    Bytes record(kSignatureSize + plain.size());
    const std::span all(record);
    context_.seal(plain, all.subspan(kSignatureSize), all.first<kSignatureSize>());
    return record;
  }
  std::optional<Bytes> unwrap(ByteSpan record) {
    Bytes data(record.begin() + kSignatureSize, record.end());
    if (!context_.unseal(data, record.first<kSignatureSize>())) return std::nullopt;
    return data;
  }
  [[nodiscard]] bool is_half_duplex() const { return context_.is_half_duplex(); }

 private:
  SealContext context_;
};

Bytes text_of(std::size_t size) {
  Bytes text(size);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<std::byte>('A' + i % 57);
  return text;
}

template <class From, class To>
void check_arrives(const Bytes& plain, From& from, To& to) {
  const Bytes record = from.wrap(plain);
  BOOST_REQUIRE_EQUAL(record.size(), kSignatureSize + plain.size());
  if (plain.size() >= 16)
    BOOST_CHECK(!std::equal(plain.begin(), plain.end(), record.begin() + kSignatureSize));
  const std::optional<Bytes> got = to.unwrap(record);
  BOOST_REQUIRE_MESSAGE(got, "a record of " << plain.size() << " octets is refused");
  BOOST_CHECK(*got == plain);
}

void check_records(OurRecords& ours, GssPeer& theirs) {
  for (const std::size_t size : {5U, 1U, 4096U, 37U, 65536U}) {
    check_arrives(text_of(size), ours, theirs);
    check_arrives(text_of(size + 1), theirs, ours);
    check_arrives(text_of(size + 2), theirs, ours);
    check_arrives(text_of(size + 3), ours, theirs);
  }
}

// Both sides seal before either has read: possible only where each direction has a state of its own.
void check_records_crossing(OurRecords& ours, GssPeer& theirs) {
  std::vector<Bytes> to_them;
  std::vector<Bytes> to_us;
  for (std::size_t i = 1; i <= 4; ++i) {
    to_them.push_back(ours.wrap(text_of(100 * i)));
    to_us.push_back(theirs.wrap(text_of(77 * i)));
  }
  for (std::size_t i = 1; i <= 4; ++i) {
    BOOST_CHECK(ours.unwrap(to_us[i - 1]) == text_of(77 * i));
    BOOST_CHECK(theirs.unwrap(to_them[i - 1]) == text_of(100 * i));
  }
}

void check_session(OurRecords& ours, GssPeer& theirs) {
  check_records(ours, theirs);
  if (!ours.is_half_duplex()) check_records_crossing(ours, theirs);
  // Last, since it ends the session: an altered record of ours is refused there.
  Bytes altered = ours.wrap(text_of(64));
  altered.back() ^= std::byte{1};
  BOOST_CHECK(!theirs.unwrap(altered));
}

void check_agreed(const Outcome& outcome, Response response, unsigned strength) {
  BOOST_CHECK(outcome.sealed);
  BOOST_CHECK_EQUAL(name(outcome.response), name(response));
  BOOST_CHECK_EQUAL(outcome.strength, strength);
}

// Our client against gss-ntlmssp's acceptor.
struct ClientSession {
  explicit ClientSession(ClientPolicy policy, std::string_view password = kPassword,
                         const std::string& their_channel = {})
      : client(make_client(std::move(policy), identity(password))),
        theirs(GssPeer::acceptor(their_channel)) {}

  // Whether gss-ntlmssp accepts us.
  bool run() {
    const std::optional<Bytes> challenge = theirs.step(client.negotiate().value());
    BOOST_REQUIRE_MESSAGE(challenge, theirs.why());
    const auto authenticate = client.authenticate(*challenge, ntlm::filetime_now());
    BOOST_REQUIRE_MESSAGE(authenticate, authenticate.error().message());
    return theirs.step(*authenticate) && theirs.is_established();
  }

  Client client;
  GssPeer theirs;
};

// gss-ntlmssp's initiator against our server.
struct ServerSession {
  explicit ServerSession(const GssCredential& credential, ServerPolicy policy = server_policy(),
                         const std::string& their_channel = {})
      : server(make_server(std::move(policy))), theirs(GssPeer::initiator(credential, their_channel)) {}

  Result<Outcome> run(const AccountRequirements& required = kAnything) {
    const std::optional<Bytes> negotiate = theirs.step();
    BOOST_REQUIRE_MESSAGE(negotiate, theirs.why());
    const auto challenge = server.challenge(*negotiate, ntlm::filetime_now());
    BOOST_REQUIRE_MESSAGE(challenge, challenge.error().message());
    const std::optional<Bytes> authenticate = theirs.step(*challenge);
    BOOST_REQUIRE_MESSAGE(authenticate, theirs.why());
    const auto claim = server.claim(*authenticate);
    BOOST_REQUIRE_MESSAGE(claim, claim.error().message());
    BOOST_CHECK_EQUAL(claim->user, "Doug");
    BOOST_CHECK_EQUAL(claim->domain, "INTELLINET");
    const Account account;
    return server.verify(account.secret(), required, ntlm::filetime_now());
  }

  Server server;
  GssPeer theirs;
};

ClientPolicy policy_of(Response response, unsigned strength, bool key_exchange = true) {
  ClientPolicy policy = modern_policy(true, strength);
  policy.response = response;
  policy.extended_session_security = response >= Response::ntlm2_session;
  policy.offer_128 = strength == 128;
  policy.offer_56 = strength == 56;
  policy.key_exchange = key_exchange;
  return policy;
}

ClientPolicy lm_key_policy(unsigned strength, bool key_exchange = true) {
  ClientPolicy policy = policy_of(Response::ntlmv1, strength, key_exchange);
  policy.lm_key = true;
  return policy;
}

// Two channels: what RFC 5929 takes of two certificates.
const std::string kChannel = "tls-server-end-point:" + std::string(32, '\x11');
const std::string kOtherChannel = "tls-server-end-point:" + std::string(48, '\x22');

std::optional<crypto::Digest16> binding_to(const std::string& channel) {
  if (channel.empty()) return std::nullopt;
  return channel_bindings_hash(*shared_engine(), as_bytes(channel));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(live_gss_ntlmssp)

BOOST_AUTO_TEST_CASE(accepts_our_client_in_every_kind_of_session) {
  struct Row {
    const char* name;
    ClientPolicy policy;
    int level;
    unsigned strength;
  };
  // Without ESS and LM_KEY the whole session key seals, whatever strength was offered ([MS-NLMP] 3.4.5.3).
  const Row rows[] = {
      {"NTLMv2, 128", policy_of(Response::ntlmv2, 128), 3, 128},
      {"NTLMv2, 56", policy_of(Response::ntlmv2, 56), 3, 56},
      {"NTLMv2, 40", policy_of(Response::ntlmv2, 40), 3, 40},
      {"NTLMv2, 128, no KEY_EXCH", policy_of(Response::ntlmv2, 128, false), 3, 128},
      {"NTLM2 session, 128", policy_of(Response::ntlm2_session, 128), 2, 128},
      {"NTLM2 session, 56", policy_of(Response::ntlm2_session, 56), 2, 56},
      {"NTLM2 session, 40", policy_of(Response::ntlm2_session, 40), 2, 40},
      {"NTLM2 session, 128, no KEY_EXCH", policy_of(Response::ntlm2_session, 128, false), 2, 128},
      {"NTLMv1, 128", policy_of(Response::ntlmv1, 128), 0, 128},
      {"NTLMv1, 128, no KEY_EXCH", policy_of(Response::ntlmv1, 128, false), 0, 128},
      {"NTLMv1, 56", policy_of(Response::ntlmv1, 56), 0, 128},
      {"NTLMv1, 40", policy_of(Response::ntlmv1, 40), 0, 128},
      {"LM_KEY, 56", lm_key_policy(56), 0, 56},
      {"LM_KEY, 40", lm_key_policy(40), 0, 40},
      {"LM_KEY, 40, no KEY_EXCH", lm_key_policy(40, false), 0, 40},
  };
  const Environment environment;
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      environment.set_level(row.level);
      ClientSession session(row.policy);
      BOOST_REQUIRE_MESSAGE(session.run(), session.theirs.why());
      const Outcome outcome = session.client.take_outcome();
      check_agreed(outcome, row.policy.response, row.strength);
      OurRecords ours(Role::client, outcome);
      check_session(ours, session.theirs);
    }
  }
}

BOOST_AUTO_TEST_CASE(is_accepted_by_our_server_in_every_kind_of_session) {
  constexpr std::uint32_t base = kUnicode | kRequestTarget | kSign | kSeal | kNtlm | kAlwaysSign;
  constexpr std::uint32_t modern = base | kExtendedSessionSecurity | kVersion;
  struct Row {
    const char* name;
    int level;
    std::uint32_t flags;  // 0: gss-ntlmssp's own
    Response response;
    unsigned strength;
    bool grant_lm_key = true;
  };
  // At level 0 it asks for LM_KEY, whatever the flags.
  const Row rows[] = {
      {"NTLMv2, its own flags", 3, 0, Response::ntlmv2, 128},
      {"NTLMv2, its own flags, level 5", 5, 0, Response::ntlmv2, 128},
      {"NTLMv2, 56", 3, modern | k56 | kKeyExch, Response::ntlmv2, 56},
      {"NTLMv2, 40", 3, modern | kKeyExch, Response::ntlmv2, 40},
      {"NTLM2 session, its own flags", 1, 0, Response::ntlm2_session, 128},
      {"NTLM2 session, level 2", 2, 0, Response::ntlm2_session, 128},
      {"NTLM2 session, 56", 1, modern | k56 | kKeyExch, Response::ntlm2_session, 56},
      {"NTLMv1, its own flags", 0, 0, Response::ntlmv1, 128, false},
      {"NTLMv1, 128", 0, base | k128 | kKeyExch, Response::ntlmv1, 128, false},
      {"LM_KEY, its own flags", 0, 0, Response::ntlmv1, 56},
      {"LM_KEY, 40", 0, base | kKeyExch, Response::ntlmv1, 40},
  };
  const Environment environment;
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      environment.set_level(row.level);
      GssCredential credential = GssCredential::from_password("INTELLINET", "Doug", kPassword);
      if (row.flags != 0) credential.set_negotiate_flags(row.flags);
      ServerPolicy policy = server_policy();
      policy.allow_lm_key = row.grant_lm_key;
      ServerSession session(credential, policy);
      const auto outcome = session.run();
      BOOST_REQUIRE_MESSAGE(outcome, outcome.error().message());
      BOOST_REQUIRE(session.theirs.is_established());
      check_agreed(*outcome, row.response, row.strength);
      OurRecords ours(Role::server, *outcome);
      check_session(ours, session.theirs);
    }
  }
}

BOOST_AUTO_TEST_CASE(refuses_our_client_with_a_wrong_password) {
  const Environment environment;
  // At level 1 its acceptor falls back to the LM response, which an NTLM2 session fills with a nonce, and
  // accepts anybody.
  const std::pair<int, Response> rows[] = {
      {3, Response::ntlmv2}, {2, Response::ntlm2_session}, {0, Response::ntlmv1}};
  for (const auto& [level, response] : rows) {
    BOOST_TEST_CONTEXT(name(response)) {
      environment.set_level(level);
      ClientSession session(policy_of(response, 128), "Wrong-Pw1");
      BOOST_CHECK(!session.run());
    }
  }
}

BOOST_AUTO_TEST_CASE(is_refused_by_our_server_with_a_wrong_password) {
  const Environment environment;
  for (const int level : {0, 1, 3}) {
    BOOST_TEST_CONTEXT("level " << level) {
      environment.set_level(level);
      const GssCredential credential = GssCredential::from_password("INTELLINET", "Doug", "Secret-Pw2");
      ServerSession session(credential);
      const auto outcome = session.run();
      BOOST_REQUIRE(!outcome);
      BOOST_CHECK_EQUAL(outcome.error().message(), ErrorCode(errc::wrong_credentials).message());
    }
  }
}

BOOST_AUTO_TEST_CASE(is_refused_by_our_server_where_it_is_weaker_than_the_account_requires) {
  const Environment environment;
  environment.set_level(1);
  const GssCredential credential = GssCredential::from_password("INTELLINET", "Doug", kPassword);
  ServerSession session(credential);
  const auto outcome = session.run(AccountRequirements{});
  BOOST_REQUIRE(!outcome);
  BOOST_CHECK_EQUAL(outcome.error().message(), ErrorCode(errc::weak_response).message());
}

// Its acceptor leaves a login without bindings to its caller, who is told that the channel is not bound.
BOOST_AUTO_TEST_CASE(finds_our_client_bound_to_its_channel_and_to_no_other) {
  struct Row {
    const char* name;
    std::string ours;
    std::string theirs;
    bool is_accepted;
    bool is_bound;
  };
  const Row rows[] = {
      {"the same channel", kChannel, kChannel, true, true},
      {"the same channel, a longer hash", kOtherChannel, kOtherChannel, true, true},
      {"another channel", kOtherChannel, kChannel, false, false},
      {"no channel of ours", "", kChannel, true, false},
      {"no channel of theirs", kChannel, "", true, false},
  };
  const Environment environment;
  environment.set_level(5);
  for (const bool seal : {true, false}) {
    for (const Row& row : rows) {
      BOOST_TEST_CONTEXT(row.name << (seal ? ", sealed" : "")) {
        ClientPolicy policy = modern_policy(seal, 128);
        policy.channel_bindings = binding_to(row.ours);
        ClientSession session(policy, kPassword, row.theirs);
        BOOST_CHECK_EQUAL(session.run(), row.is_accepted);
        BOOST_CHECK_EQUAL(session.theirs.is_bound(), row.is_bound);
        if (!row.is_accepted || !seal) continue;
        OurRecords ours(Role::client, session.client.take_outcome());
        check_session(ours, session.theirs);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(is_accepted_by_our_server_only_with_the_bindings_that_it_requires) {
  struct Row {
    const char* name;
    std::string theirs;
    std::string ours;
    bool required;
    bool is_accepted;
  };
  const Row rows[] = {
      {"the same channel", kChannel, kChannel, true, true},
      {"the same channel, a longer hash", kOtherChannel, kOtherChannel, true, true},
      {"another channel", kOtherChannel, kChannel, true, false},
      {"another channel, not required", kOtherChannel, kChannel, false, false},
      {"no channel of theirs", "", kChannel, true, false},
      {"no channel of theirs, not required", "", kChannel, false, true},
      {"no channel of ours", kChannel, "", false, true},
  };
  const Environment environment;
  environment.set_level(3);
  const GssCredential credential = GssCredential::from_password("INTELLINET", "Doug", kPassword);
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.name) {
      ServerPolicy policy = server_policy();
      policy.channel_bindings = binding_to(row.ours);
      policy.require_channel_bindings = row.required;
      ServerSession session(credential, policy, row.theirs);
      const auto outcome = session.run();
      BOOST_CHECK_EQUAL(outcome.has_value(), row.is_accepted);
      if (!outcome) {
        BOOST_CHECK_EQUAL(outcome.error().message(), ErrorCode(errc::bindings_mismatch).message());
        continue;
      }
      OurRecords ours(Role::server, *outcome);
      check_session(ours, session.theirs);
    }
  }
}

// Records of a session whose key the peer does not share prove nothing and must be refused.
BOOST_AUTO_TEST_CASE(is_not_believed_with_the_records_of_another_session) {
  const Environment environment;
  environment.set_level(3);
  ClientSession one(modern_policy(true, 128));
  ClientSession other(modern_policy(true, 128));
  BOOST_REQUIRE(one.run() && other.run());
  OurRecords ours(Role::client, one.client.take_outcome());
  BOOST_CHECK(!ours.unwrap(other.theirs.wrap(text_of(32))));
}

BOOST_AUTO_TEST_SUITE_END()
