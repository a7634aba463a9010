#include "security_limits.hpp"

#include <boost/test/unit_test.hpp>
#include <climits>
#include <string>

#include "smtpseal/ntlm/wire.hpp"
#include "smtpseal/policy/ntlm_settings.hpp"

using namespace smtpseal;
using namespace smtpseal::sasl;

namespace {

constexpr unsigned kNoLimit = INT_MAX;  // what Sendmail and most programs give as max_ssf
constexpr ApplicationLimits kSendmail{.max_ssf = kNoLimit, .max_buffer = 8192};
constexpr ApplicationLimits kPostfix{};

// "none", "seal MINIMUM..MAXIMUM", or the problem.
std::string in_words(const LayerPlan& plan) {
  if (!plan.problem.empty()) return plan.problem;
  if (!plan.seal) return plan.required ? "required without a seal" : "none";
  return (plan.required ? "seal " : "may seal ") + std::to_string(plan.minimum_strength) + ".." +
         std::to_string(plan.maximum_strength);
}

bool is_refused(const std::string& words) {
  return words != "none" && !words.starts_with("seal ") && !words.starts_with("may seal ");
}

ntlm::Outcome outcome(bool sealed, unsigned strength, std::uint32_t flags = ntlm::kExtendedSessionSecurity) {
  ntlm::Outcome result;
  result.flags = flags;
  result.sealed = sealed;
  result.strength = strength;
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sasl_security_limits)

BOOST_AUTO_TEST_CASE(reports_the_key_length_up_to_the_limit) {
  const struct {
    unsigned strength;
    unsigned limit;
    unsigned ssf;
  } cases[] = {{128, 128, 128}, {56, 128, 56}, {40, 128, 40}, {128, 64, 64},
               {56, 64, 56},    {40, 64, 40},  {128, 40, 40}, {128, 1, 1}};
  for (const auto& test : cases) BOOST_TEST(reported_ssf(test.strength, test.limit) == test.ssf);
}

BOOST_AUTO_TEST_CASE(plans_what_a_client_asks_for) {
  const struct {
    ApplicationLimits limits;
    LayerWish wish;
    unsigned strength;
    const char* plan;
  } cases[] = {
      {kSendmail, LayerWish::automatic, 128, "seal 128..128"},
      {kSendmail, LayerWish::automatic, 56, "seal 56..128"},
      {kSendmail, LayerWish::automatic, 40, "seal 40..128"},
      {kSendmail, LayerWish::required, 128, "seal 128..128"},
      {kSendmail, LayerWish::never, 128, "none"},
      // TLS is there already.
      {{0, kNoLimit, 256, 8192}, LayerWish::automatic, 128, "none"},
      {{0, kNoLimit, 128, 8192}, LayerWish::automatic, 128, "none"},
      {{0, kNoLimit, 127, 8192}, LayerWish::automatic, 128, "seal 128..128"},
      {{0, kNoLimit, 56, 8192}, LayerWish::automatic, 56, "none"},
      {{0, kNoLimit, 256, 8192}, LayerWish::required, 128, "seal 128..128"},
      {{0, kNoLimit, 256, 8192}, LayerWish::never, 128, "none"},
      // Not weaker, not stronger than the application says.
      {{56, kNoLimit, 0, 8192}, LayerWish::automatic, 40, "seal 56..128"},
      {{57, kNoLimit, 0, 8192}, LayerWish::automatic, 40, "seal 128..128"},
      {{1, kNoLimit, 0, 8192}, LayerWish::automatic, 40, "seal 40..128"},
      {{0, 56, 0, 8192}, LayerWish::automatic, 40, "seal 40..56"},
      {{0, 55, 0, 8192}, LayerWish::automatic, 40, "seal 40..40"},
      {{0, 127, 0, 8192}, LayerWish::automatic, 56, "seal 56..56"},
      {{40, 40, 0, 8192}, LayerWish::required, 40, "seal 40..40"},
      {{0, 128, 0, 1}, LayerWish::required, 128, "seal 128..128"},
      // Both limits count TLS: 256 of it leave 40 of 296.
      {{296, kNoLimit, 256, 8192}, LayerWish::automatic, 40, "seal 40..128"},
      {{296, 296, 256, 8192}, LayerWish::automatic, 40, "seal 40..40"},
      {{256, 256, 256, 8192}, LayerWish::automatic, 128, "none"},
      {{UINT_MAX, UINT_MAX, UINT_MAX, 8192}, LayerWish::automatic, 128, "none"},
      // Postfix, and others that cannot have a layer.
      {kPostfix, LayerWish::automatic, 128, "none"},
      {{0, 0, 0, 8192}, LayerWish::automatic, 128, "none"},
      {{0, kNoLimit, 0, 0}, LayerWish::automatic, 128, "none"},
      {kPostfix, LayerWish::never, 128, "none"},
  };
  for (const auto& test : cases) {
    const LayerPlan plan = plan_client(test.limits, test.wish, test.strength, 128);
    BOOST_TEST(in_words(plan) == test.plan);
    BOOST_TEST(plan.required == plan.seal);
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_client_whose_limits_contradict_its_demands_and_says_why) {
  const struct {
    ApplicationLimits limits;
    LayerWish wish;
    unsigned strength;
    const char* reason;
  } cases[] = {
      // Integrity alone (Sendmail's AuthMaxBits=1) is no seal.
      {{0, 1, 0, 8192}, LayerWish::automatic, 128, "at most 1 bits (max_ssf 1)"},
      {{0, 1, 0, 8192}, LayerWish::automatic, 40, "at most 1 bits (max_ssf 1)"},
      {{0, 127, 0, 8192}, LayerWish::automatic, 128, "sasl.client_strength"},
      {{0, 56, 0, 8192}, LayerWish::required, 128, "at least 128 bits is demanded"},
      {{0, 39, 0, 8192}, LayerWish::required, 40, "at least 40 bits is demanded"},
      {{0, 0, 0, 8192}, LayerWish::required, 40, "takes no security layer (max_ssf 0)"},
      {{0, kNoLimit, 0, 0}, LayerWish::required, 40, "takes no security layer (maxbufsize 0)"},
      {{0, 256, 256, 8192}, LayerWish::required, 128, "at most 0 bits (max_ssf 256, of which TLS has 256)"},
      // Weak TLS uses the application's limit up.
      {{0, 40, 40, 8192}, LayerWish::automatic, 128, "at most 0 bits (max_ssf 40, of which TLS has 40)"},
      // min_ssf
      {{1, kNoLimit, 0, 8192}, LayerWish::never, 128, "sasl.client_layer is never"},
      {{129, kNoLimit, 0, 8192},
       LayerWish::automatic,
       128,
       "at least 129 bits (min_ssf), and ours counts for 128"},
      {{1, 0, 0, 8192}, LayerWish::automatic, 128, "takes no security layer (max_ssf 0)"},
      {{1, kNoLimit, 0, 0}, LayerWish::automatic, 128, "takes no security layer (maxbufsize 0)"},
      {{56, 55, 0, 8192}, LayerWish::automatic, 40, "at least 56 bits (min_ssf), but the application takes"},
      {{56, 127, 0, 8192}, LayerWish::automatic, 128, "at least 128 bits is demanded"},
      {{512, kNoLimit, 256, 8192}, LayerWish::automatic, 128, "at least 256 bits (min_ssf)"},
  };
  for (const auto& test : cases) {
    const LayerPlan plan = plan_client(test.limits, test.wish, test.strength, 128);
    BOOST_TEST(plan.problem.find(test.reason) != std::string::npos,
               "'" << plan.problem << "' does not say '" << test.reason << "'");
    BOOST_TEST(!plan.seal);
    BOOST_TEST(plan.required);
  }
}

BOOST_AUTO_TEST_CASE(counts_a_limited_ssf_on_both_sides_of_the_plan) {
  BOOST_TEST(in_words(plan_client({0, 64, 0, 8192}, LayerWish::automatic, 128, 64)) == "seal 128..128");
  BOOST_TEST(in_words(plan_client({64, 64, 0, 8192}, LayerWish::automatic, 40, 64)) == "seal 128..128");
  BOOST_TEST(is_refused(in_words(plan_client({65, kNoLimit, 0, 8192}, LayerWish::automatic, 128, 64))));
  BOOST_TEST(is_refused(in_words(plan_client({0, 63, 0, 8192}, LayerWish::automatic, 128, 64))));
  BOOST_TEST(in_words(plan_client({1, 1, 0, 8192}, LayerWish::automatic, 128, 1)) == "seal 128..128");
  BOOST_TEST(in_words(plan_server({1, 64, 0, 8192}, 64)) == "seal 40..128");
  BOOST_TEST(is_refused(in_words(plan_server({112, kNoLimit, 0, 8192}, 64))));
}

BOOST_AUTO_TEST_CASE(plans_what_a_server_grants) {
  const struct {
    ApplicationLimits limits;
    const char* plan;
  } cases[] = {
      {kSendmail, "may seal 40..128"},
      {kPostfix, "none"},
      {{0, kNoLimit, 0, 0}, "none"},
      {{0, 1, 0, 8192}, "none"},
      {{0, 39, 0, 8192}, "none"},
      {{0, 40, 0, 8192}, "may seal 40..40"},
      {{0, 64, 0, 8192}, "may seal 40..56"},
      {{1, kNoLimit, 0, 8192}, "seal 40..128"},
      {{112, kNoLimit, 0, 8192}, "seal 128..128"},
      {{56, 56, 0, 8192}, "seal 56..56"},
      {{0, kNoLimit, 256, 8192}, "may seal 40..128"},
      {{0, 256, 256, 8192}, "none"},
      {{128, kNoLimit, 256, 8192}, "may seal 40..128"},
      {{296, kNoLimit, 256, 8192}, "seal 40..128"},
  };
  for (const auto& test : cases) BOOST_TEST(in_words(plan_server(test.limits, 128)) == test.plan);
}

BOOST_AUTO_TEST_CASE(refuses_a_server_that_must_and_cannot_have_a_layer) {
  const ApplicationLimits cases[] = {{1, 0, 0, 8192},           {1, kNoLimit, 0, 0}, {129, kNoLimit, 0, 8192},
                                     {128, 127, 0, 8192},       {2, 1, 0, 8192},     {1, 1, 0, 8192},
                                     {385, kNoLimit, 256, 8192}};
  for (const auto& limits : cases) {
    const LayerPlan plan = plan_server(limits, 128);
    BOOST_TEST(plan.problem.find("(min_ssf)") != std::string::npos, plan.problem);
    BOOST_TEST(!plan.seal);
  }
}

BOOST_AUTO_TEST_CASE(narrows_what_a_client_offers) {
  const struct {
    policy::Profile profile;
    unsigned minimum;
    unsigned maximum;
    bool offer_128;
    bool offer_56;
    bool lm_key;
  } cases[] = {
      {policy::Profile::modern, 128, 128, true, false, false},
      {policy::Profile::modern, 56, 128, true, true, false},
      {policy::Profile::modern, 40, 56, false, true, false},
      {policy::Profile::modern, 40, 40, false, false, false},
      {policy::Profile::exchange_55, 128, 128, true, false, false},
      {policy::Profile::exchange_55, 56, 56, false, true, true},
      {policy::Profile::exchange_55, 40, 40, false, false, true},
  };
  for (const auto& test : cases) {
    const LayerPlan plan{.seal = true, .minimum_strength = test.minimum, .maximum_strength = test.maximum};
    auto client = policy::client_policy(test.profile, plan.seal, plan.minimum_strength);
    apply(plan, client);
    BOOST_TEST(client.seal);
    BOOST_TEST(client.minimum_strength == test.minimum);
    BOOST_TEST(client.offer_128 == test.offer_128);
    BOOST_TEST(client.offer_56 == test.offer_56);
    BOOST_TEST(client.lm_key == test.lm_key);
  }
  ntlm::ClientPolicy client;
  apply(LayerPlan(), client);
  BOOST_TEST(!client.seal);
}

BOOST_AUTO_TEST_CASE(narrows_what_a_server_grants_and_widens_nothing) {
  for (const bool is_wide : {true, false}) {
    for (const unsigned maximum : {40U, 56U, 128U}) {
      ntlm::ServerPolicy server;
      server.allow_seal = server.allow_56 = server.allow_128 = is_wide;
      apply(LayerPlan{.seal = true, .minimum_strength = 40, .maximum_strength = maximum}, server);
      BOOST_TEST(server.allow_seal == is_wide);
      BOOST_TEST(server.allow_56 == (is_wide && maximum >= 56));
      BOOST_TEST(server.allow_128 == (is_wide && maximum >= 128));
    }
  }
  ntlm::ServerPolicy server;
  apply(LayerPlan(), server);
  BOOST_TEST(!server.allow_seal);
}

BOOST_AUTO_TEST_CASE(objects_to_what_breaks_the_plan) {
  const LayerPlan none;
  const LayerPlan may{.seal = true, .minimum_strength = 56, .maximum_strength = 56};
  const LayerPlan must{.seal = true, .required = true, .minimum_strength = 56, .maximum_strength = 128};
  const LayerPlan cannot = plan_server({1, 0, 0, 8192}, 128);
  const struct {
    const LayerPlan& plan;
    ntlm::Outcome outcome;
    const char* objection;
  } cases[] = {
      {none, outcome(false, 0), ""},
      {none, outcome(true, 128), "a security layer was agreed on that the application does not take"},
      {may, outcome(false, 0), ""},
      {may, outcome(true, 56), ""},
      {may, outcome(true, 40), "the security layer has 40 bits, demanded are 56 bits"},
      {may, outcome(true, 128), "the security layer has 128 bits, the application takes 56 bits at most"},
      {must, outcome(true, 56), ""},
      {must, outcome(true, 128), ""},
      {must, outcome(false, 0), "a security layer is demanded and none was agreed on"},
      {must, outcome(true, 0), "the security layer has 0 bits, demanded are 56 bits"},
      {must, outcome(true, 128, 0),
       "the security layer's key would be the same in every session (KEY_EXCH missing)"},
      {must, outcome(true, 128, ntlm::kKeyExch), ""},
      {cannot, outcome(true, 128), cannot.problem.c_str()},
  };
  for (const auto& test : cases) BOOST_TEST(objection(test.plan, test.outcome) == test.objection);
}

BOOST_AUTO_TEST_SUITE_END()
