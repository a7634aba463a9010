#include "smtpseal/policy/ntlm_settings.hpp"

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace smtpseal;
using namespace smtpseal::policy;

BOOST_AUTO_TEST_SUITE(ntlm_settings)

BOOST_AUTO_TEST_CASE(modern_never_sends_less_than_ntlmv2) {
  for (const unsigned strength : {40U, 56U, 128U})
    BOOST_TEST((client_policy(Profile::modern, true, strength).response == ntlm::Response::ntlmv2));
}

BOOST_AUTO_TEST_CASE(asks_for_a_seal_only_where_there_is_to_be_one) {
  for (const Profile profile : {Profile::modern, Profile::exchange_55}) {
    BOOST_TEST(client_policy(profile, true, 128).seal);
    BOOST_TEST(!client_policy(profile, false, 128).seal);
  }
}

BOOST_AUTO_TEST_CASE(offers_lm_key_only_to_exchange_below_128_bits) {
  BOOST_TEST(client_policy(Profile::exchange_55, true, 40).lm_key);
  BOOST_TEST(!client_policy(Profile::exchange_55, true, 128).lm_key);
  BOOST_TEST(!client_policy(Profile::modern, true, 40).lm_key);
}

BOOST_AUTO_TEST_CASE(grants_lm_key_and_56_bits_only_where_an_account_may_use_them) {
  const auto strict = server_policy("mx.beta.example", "");
  BOOST_TEST(!strict.allow_lm_key);
  BOOST_TEST(!strict.allow_56);
  struct Row {
    Profile profile;
    unsigned strength;
    bool lm_key, bits_56;
  };
  for (const Row& row :
       {Row{Profile::modern, 128, false, false}, Row{Profile::modern, 40, false, true},
        Row{Profile::exchange_55, 128, false, false}, Row{Profile::exchange_55, 56, true, true}}) {
    auto server = server_policy("mx.beta.example", "");
    admit(server, row.profile, row.strength);
    BOOST_TEST(server.allow_lm_key == row.lm_key);
    BOOST_TEST(server.allow_56 == row.bits_56);
  }
}

BOOST_AUTO_TEST_CASE(looks_at_every_account) {
  std::vector<Problem> problems;
  const auto accounts =
      Accounts::parse(test::engine(), "A Secret-Pw1\nB Secret-Pw1 profile=exchange-5.5 strength=40\nC Secret-Pw1\n",
                      "accounts", problems);
  BOOST_REQUIRE(problems.empty());
  const auto server = server_policy("mx.beta.example", "", accounts);
  BOOST_TEST(server.allow_lm_key);
  BOOST_TEST(server.allow_56);
}

BOOST_AUTO_TEST_CASE(makes_netbios_names_of_the_host_name) {
  const auto made = server_policy("mailserver-number-one.beta.example", "");
  BOOST_TEST(made.netbios_computer == "MAILSERVER-NUMB");
  BOOST_TEST(made.netbios_domain == "BETA");
  BOOST_TEST(made.dns_domain == "beta.example");
  BOOST_TEST(server_policy("plainhost", "CORP").netbios_domain == "CORP");
  BOOST_TEST(client_identity({}, {}, "mailserver-number-one.beta.example").workstation == "MAILSERVER-NUMB");
}

BOOST_AUTO_TEST_CASE(nobody_is_judged_by_the_default) {
  const auto nobody = requirements_of(nullptr);
  const auto modern = requirements_of(Profile::modern, 128);
  BOOST_TEST((nobody.minimum_response == modern.minimum_response));
  BOOST_TEST(nobody.minimum_strength == modern.minimum_strength);
  BOOST_TEST((requirements_of(Profile::exchange_55, 40).minimum_response == ntlm::Response::ntlmv1));
  BOOST_TEST(!secret_of(nullptr).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
