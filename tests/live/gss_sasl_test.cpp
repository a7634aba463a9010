// Live logins of the SASL plugin, through libsasl2, with gss-ntlmssp at the other end: in both roles, with
// the security layer and without.
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

#include "../sasl-plugin/fixture.hpp"
#include "gss_environment.hpp"
#include "gss_peer.hpp"

namespace {

using namespace smtpseal;
using namespace smtpseal::testing;
using sasl::test::Client;
using sasl::test::Identity;
using sasl::test::Library;
using sasl::test::Limits;
using sasl::test::Server;

constexpr Limits kNoLayer{0, 0, 0, 8192};
const std::string kModern = std::string("INTELLINET\\Doug ") + Environment::kPassword + "\n";
const std::string kWeak = std::string("INTELLINET\\Doug ") + Environment::kPassword + " strength=40\n";
const std::string kOld =
    std::string("INTELLINET\\Doug ") + Environment::kPassword + " profile=exchange-5.5 strength=40\n";

Identity doug(const std::string& password = Environment::kPassword) {
  Identity identity;
  identity.name = "INTELLINET\\Doug";
  identity.password = password;
  return identity;
}

std::string as_string(ByteSpan octets) {
  return std::string(as_text(octets));
}

std::string framed(const Bytes& record) {
  std::string wire(4, '\0');
  store_u32be(static_cast<std::uint32_t>(record.size()), reinterpret_cast<std::byte*>(wire.data()));
  return wire + as_string(record);
}

void check_arrives(const std::string& text, const sasl::test::End& ours, GssPeer& theirs) {
  const std::string wire = ours.encode(text);
  BOOST_REQUIRE(wire.size() == 20 + text.size());
  const auto got = theirs.unwrap(as_bytes(wire).subspan(4));
  BOOST_REQUIRE(got);
  BOOST_TEST((as_string(*got) == text));
  BOOST_TEST((ours.decode(framed(theirs.wrap(as_bytes(text)))) == text));
}

void check_records(const sasl::test::End& ours, GssPeer& theirs) {
  for (const std::size_t size : {1U, 37U, 4076U}) check_arrives(std::string(size, 'm'), ours, theirs);
  std::string altered = framed(theirs.wrap(as_bytes("250 ok\r\n")));
  altered.back() ^= 1;
  BOOST_TEST(ours.decode(altered).starts_with("error: "));
}

// Whether gss-ntlmssp's acceptor takes our client.
bool log_in(Client& ours, GssPeer& theirs) {
  const auto negotiate = ours.start();
  BOOST_REQUIRE_MESSAGE(negotiate.status == SASL_CONTINUE, ours.error());
  const auto challenge = theirs.step(as_bytes(negotiate.message));
  BOOST_REQUIRE_MESSAGE(challenge, theirs.why());
  const auto authenticate = ours.step(as_string(*challenge));
  BOOST_REQUIRE_MESSAGE(authenticate.status == SASL_OK, ours.error());
  return theirs.step(as_bytes(authenticate.message)) && theirs.is_established();
}

// What our server says to gss-ntlmssp's initiator.
int log_in(GssPeer& theirs, Server& ours) {
  const auto negotiate = theirs.step();
  BOOST_REQUIRE_MESSAGE(negotiate, theirs.why());
  const auto challenge = ours.start(as_string(*negotiate));
  BOOST_REQUIRE_MESSAGE(challenge.status == SASL_CONTINUE, ours.error());
  const auto authenticate = theirs.step(as_bytes(challenge.message));
  BOOST_REQUIRE_MESSAGE(authenticate, theirs.why());
  return ours.step(as_string(*authenticate)).status;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(live_gss_ntlmssp_sasl)

BOOST_AUTO_TEST_CASE(accepts_our_client_and_reads_its_records) {
  const std::string exchange = "client_profile = \"exchange-5.5\"\n";
  const std::string from_40 = "client_strength = \"40\"\n";
  const std::string from_56 = "client_strength = \"56\"\n";
  const struct {
    std::string toml;
    Limits limits;
    int level;
    unsigned ssf;
  } rows[] = {
      {"", {}, 3, 128},       {from_40, {.max_ssf = 56}, 3, 56}, {from_40, {.max_ssf = 40}, 3, 40},
      {exchange, {}, 0, 128}, {exchange + from_56, {}, 0, 56},   {exchange + from_40, {}, 0, 40},
      {"", kNoLayer, 3, 0},   {exchange, kNoLayer, 0, 0},
  };
  const Environment environment;
  for (const auto& row : rows) {
    BOOST_TEST_CONTEXT(row.toml << "ssf " << row.ssf) {
      environment.set_level(row.level);
      const Library library({.client_toml = row.toml, .has_server = false});
      Client ours(row.limits, doug());
      auto theirs = GssPeer::acceptor();
      BOOST_REQUIRE_MESSAGE(log_in(ours, theirs), theirs.why());
      BOOST_TEST(ours.ssf() == row.ssf);
      if (row.ssf != 0) check_records(ours, theirs);
    }
  }
}

BOOST_AUTO_TEST_CASE(is_accepted_by_our_server_and_reads_its_records) {
  const struct {
    std::string accounts;
    Limits limits;
    int level;
    unsigned ssf;
  } rows[] = {
      {kModern, {}, 3, 128},
      {kWeak, {.max_ssf = 56}, 3, 56},
      {kWeak, {.max_ssf = 40}, 3, 40},
      {kOld, {}, 1, 128},
      {kOld, {}, 0, 56},
  };
  const Environment environment;
  const auto credential = GssCredential::from_password("INTELLINET", "Doug", Environment::kPassword);
  for (const auto& row : rows) {
    BOOST_TEST_CONTEXT(row.accounts << "level " << row.level << ", ssf " << row.ssf) {
      environment.set_level(row.level);
      const Library library({.accounts = row.accounts, .has_client = false});
      auto theirs = GssPeer::initiator(credential);
      Server ours(row.limits);
      BOOST_REQUIRE_MESSAGE(log_in(theirs, ours) == SASL_OK, ours.error());
      BOOST_TEST(ours.ssf() == row.ssf);
      BOOST_TEST(ours.user() == "INTELLINET\\Doug");
      // The client speaks first.
      BOOST_TEST(ours.decode(framed(theirs.wrap(as_bytes("EHLO a\r\n")))) == "EHLO a\r\n");
      check_records(ours, theirs);
    }
  }
}

BOOST_AUTO_TEST_CASE(is_refused_with_a_wrong_password_and_refuses_one) {
  const Environment environment;
  environment.set_level(3);
  {
    const Library library({.has_server = false});
    Client ours({}, doug("Secret-Pw2"));
    auto theirs = GssPeer::acceptor();
    BOOST_TEST(!log_in(ours, theirs));
  }
  const Library library({.accounts = kModern, .has_client = false});
  const auto credential = GssCredential::from_password("INTELLINET", "Doug", "Secret-Pw2");
  auto theirs = GssPeer::initiator(credential);
  Server ours;
  BOOST_TEST(log_in(theirs, ours) == SASL_BADAUTH);
}

BOOST_AUTO_TEST_CASE(is_refused_where_its_response_is_weaker_than_the_account_requires) {
  const Environment environment;
  environment.set_level(1);
  const Library library({.accounts = kModern, .has_client = false});
  const auto credential = GssCredential::from_password("INTELLINET", "Doug", Environment::kPassword);
  auto theirs = GssPeer::initiator(credential);
  Server ours;
  BOOST_TEST(log_in(theirs, ours) == SASL_TOOWEAK);
}

BOOST_AUTO_TEST_SUITE_END()
