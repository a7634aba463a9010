#include "inbound/auth_exchange.hpp"

#include <boost/test/unit_test.hpp>

#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/policy/ntlm_settings.hpp"
#include "smtpseal/smtp/command.hpp"

using namespace smtpseal;
using namespace smtpseal::relay;
using Kind = AuthStep::Kind;

namespace {

constexpr std::uint64_t kNow = 134397530409635230;

const std::shared_ptr<const crypto::Engine>& engine() {
  static const auto instance = *crypto::Engine::create();
  return instance;
}

std::shared_ptr<const policy::PolicySet> accounts(const std::string& text) {
  std::vector<policy::Problem> problems;
  auto set = std::make_shared<policy::PolicySet>();
  set->accounts = policy::Accounts::parse(*engine(), text, "accounts", problems);
  BOOST_REQUIRE(problems.empty());
  return set;
}

struct Attempt {
  std::string user = "DOUG";
  std::string password = "Secret-Pw1";
  ntlm::ClientPolicy policy = ntlm::modern_policy(true, 128);
};

class Fixture {
 public:
  explicit Fixture(const std::string& text = "DOUG Secret-Pw1\n")
      : set_(accounts(text)),
        policy_(std::make_shared<ntlm::ServerPolicy>(
            policy::server_policy("mx.beta.example", "", set_->accounts))) {}

  AuthExchange exchange() const { return {engine(), set_, policy_}; }

  // A whole login by our own client; the last step of the server.
  AuthStep log_in(AuthExchange& auth, const Attempt& attempt) const {
    std::vector<policy::Problem> problems;
    const auto found = policy::Credentials::parse(
        *engine(), "X\\" + attempt.user + " " + attempt.password + "\n", "c", problems);
    BOOST_REQUIRE(problems.empty());
    ntlm::ClientIdentity identity;
    identity.domain = "X";
    identity.user = attempt.user;
    identity.nt_hash = found.entries().front().secret.nt_hash.clone();
    if (const auto& lm = found.entries().front().secret.lm_hash) identity.lm_hash = lm->clone();
    ntlm::Client client(engine(), std::move(identity), attempt.policy, ntlm::draw_nonces(*engine()));
    const AuthStep challenge = auth.begin(smtp::to_base64(as_text(*client.negotiate())), kNow);
    if (challenge.kind != Kind::more) return challenge;
    const std::string text = *smtp::from_base64(challenge.reply.lines.front());
    const auto message = client.authenticate(as_bytes(text), kNow);
    BOOST_REQUIRE(message);
    return auth.line(smtp::to_base64(as_text(*message)), kNow);
  }

 private:
  std::shared_ptr<const policy::PolicySet> set_;
  std::shared_ptr<const ntlm::ServerPolicy> policy_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(auth_exchange)

BOOST_AUTO_TEST_CASE(accepts_the_right_password) {
  const Fixture fixture;
  auto auth = fixture.exchange();
  const auto step = fixture.log_in(auth, {});
  BOOST_TEST((step.kind == Kind::succeeded));
  BOOST_TEST(step.reply.code == 235);
  BOOST_TEST(auth.account().account == "DOUG");
  BOOST_TEST(auth.outcome().sealed);
  BOOST_TEST(auth.outcome().strength == 128U);
}

BOOST_AUTO_TEST_CASE(tells_a_wrong_password_and_an_unknown_user_the_same) {
  const Fixture fixture;
  auto wrong = fixture.exchange(), unknown = fixture.exchange();
  const auto first = fixture.log_in(wrong, {"DOUG", "Secret-Pw2"});
  const auto second = fixture.log_in(unknown, {"NOBODY", "Secret-Pw1"});
  BOOST_TEST((first.kind == Kind::failed));
  BOOST_TEST(first.reply.code == 535);
  BOOST_TEST(first.reply.one_line() == second.reply.one_line());
}

BOOST_AUTO_TEST_CASE(refuses_ntlmv1_unless_the_account_names_it) {
  Attempt attempt;
  attempt.policy = ntlm::exchange5_policy(true, 128);
  const Fixture strict;
  auto refused = strict.exchange();
  BOOST_TEST(strict.log_in(refused, attempt).reply.code == 534);
  const Fixture named("DOUG Secret-Pw1 profile=exchange-5.5\n");
  auto accepted = named.exchange();
  BOOST_TEST(named.log_in(accepted, attempt).reply.code == 235);
}

BOOST_AUTO_TEST_CASE(refuses_a_seal_whose_key_is_the_same_in_every_session) {
  Attempt attempt;
  attempt.policy = ntlm::exchange5_policy(true, 128);
  attempt.policy.key_exchange = false;
  const Fixture named("DOUG Secret-Pw1 profile=exchange-5.5\n");
  auto refused = named.exchange();
  BOOST_TEST(named.log_in(refused, attempt).reply.code == 534);
}

BOOST_AUTO_TEST_CASE(refuses_40_bits_unless_the_account_names_it) {
  Attempt attempt;
  attempt.policy = ntlm::modern_policy(true, 40);
  attempt.policy.offer_128 = false;
  const Fixture strict;
  auto refused = strict.exchange();
  BOOST_TEST(strict.log_in(refused, attempt).reply.code == 534);
  const Fixture named("DOUG Secret-Pw1 strength=40\n");
  auto accepted = named.exchange();
  BOOST_TEST(named.log_in(accepted, attempt).reply.code == 235);
}

BOOST_AUTO_TEST_CASE(asks_for_the_first_message_where_none_came_with_auth) {
  const Fixture fixture;
  for (const char* nothing : {"", "="}) {
    auto auth = fixture.exchange();
    const auto step = auth.begin(nothing, kNow);
    BOOST_TEST((step.kind == Kind::more));
    BOOST_TEST(step.reply.code == 334);
  }
}

BOOST_AUTO_TEST_CASE(lets_the_client_cancel) {
  const Fixture fixture;
  auto auth = fixture.exchange();
  BOOST_TEST((auth.begin("", kNow).kind == Kind::more));
  const auto step = auth.line("*", kNow);
  BOOST_TEST((step.kind == Kind::cancelled));
  BOOST_TEST(step.reply.code == 501);
}

BOOST_AUTO_TEST_CASE(survives_what_is_no_ntlm) {
  const Fixture fixture;
  for (const char* bad : {"!", "QQ", "TlRMTVNTUA==", "TlRMTVNTUAABAAAA", "AAAA", "TlRMTVNTUAADAAAA", " "}) {
    auto auth = fixture.exchange();
    const auto step = auth.begin(bad, kNow);
    BOOST_TEST((step.kind == Kind::failed), bad);
    BOOST_TEST(step.reply.is_permanent());
    BOOST_TEST((auth.line("TlRMTVNTUAABAAAA", kNow).kind == Kind::failed));
  }
}

BOOST_AUTO_TEST_SUITE_END()
