#include "outbound/login.hpp"

#include <boost/test/unit_test.hpp>

#include "outbound/ntlm_login.hpp"

using namespace smtpseal;
using namespace smtpseal::relay;
using policy::Mechanism;
using policy::Profile;

namespace {

policy::DomainRule rule_with(Profile profile, policy::Level level = policy::Level::seal,
                             unsigned strength = 128) {
  policy::DomainRule rule;
  rule.level = level;
  rule.profile = profile;
  rule.strength = strength;
  return rule;
}

smtp::Ehlo offers(std::vector<std::string> lines) {
  smtp::Reply reply(250, "", "mx.partner.example");
  reply.lines.insert(reply.lines.end(), lines.begin(), lines.end());
  return smtp::parse_ehlo(reply);
}

bool can_log_in(const policy::DomainRule& rule, std::vector<std::string> lines) {
  return !usable_mechanisms(rule, offers(std::move(lines))).empty();
}

// A login that the replies are about.
struct Subject {
  policy::DomainRule rule = rule_with(Profile::modern, policy::Level::auth);
  policy::Credential credential{"PARTNER\\alpha", {}, {}, {}};
  LoginPlan plan{rule, credential, "mx.partner.example[192.0.2.7]", "SMTPSVC/mx.partner.example", false, {}};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(login)

BOOST_AUTO_TEST_CASE(modern_needs_auth_ntlm_to_be_offered) {
  BOOST_TEST(can_log_in(rule_with(Profile::modern), {"AUTH LOGIN NTLM"}));
  BOOST_TEST(can_log_in(rule_with(Profile::modern), {"AUTH=NTLM"}));
  BOOST_TEST(!can_log_in(rule_with(Profile::modern), {"AUTH LOGIN"}));
  BOOST_TEST(!can_log_in(rule_with(Profile::modern), {}));
}

BOOST_AUTO_TEST_CASE(exchange_55_is_tried_without_an_offer) {
  BOOST_TEST(can_log_in(rule_with(Profile::exchange_55), {"AUTH LOGIN", "AUTH=LOGIN"}));
}

BOOST_AUTO_TEST_CASE(exchange_50_needs_xauth) {
  BOOST_TEST(can_log_in(rule_with(Profile::exchange_50), {"XAUTH NTLM"}));
  BOOST_TEST(!can_log_in(rule_with(Profile::exchange_50), {"AUTH NTLM"}));
}

BOOST_AUTO_TEST_CASE(mechanisms_are_used_in_the_order_of_the_rule_as_far_as_offered) {
  auto rule = rule_with(Profile::modern, policy::Level::auth);
  rule.mechanisms = {Mechanism::ntlm, Mechanism::login, Mechanism::plain};
  using List = std::vector<Mechanism>;
  BOOST_TEST((usable_mechanisms(rule, offers({"AUTH PLAIN LOGIN NTLM"})) == rule.mechanisms));
  BOOST_TEST((usable_mechanisms(rule, offers({"AUTH=PLAIN", "AUTH LOGIN"})) ==
              List{Mechanism::login, Mechanism::plain}));
  BOOST_TEST((usable_mechanisms(rule, offers({"AUTH CRAM-MD5 GSSAPI"})) == List{}));
  rule.mechanisms = {Mechanism::plain};
  BOOST_TEST((usable_mechanisms(rule, offers({"AUTH NTLM"})) == List{}));
  BOOST_TEST(nothing_offered(rule) == "does not offer AUTH PLAIN, or it was removed in transit");
}

struct ReplyCase {
  int code;
  bool is_temporary;
  bool may_go_on;
  std::string_view hint;
};

BOOST_AUTO_TEST_CASE(replies_before_a_credential_is_shown_are_told_apart) {
  const Subject subject;
  for (const ReplyCase& want :
       {ReplyCase{504, false, true, ""}, ReplyCase{500, false, true, ""}, ReplyCase{502, false, true, ""},
        ReplyCase{530, false, false, "STARTTLS first"}, ReplyCase{538, false, true, "STARTTLS first"},
        ReplyCase{534, false, true, "too weak"}, ReplyCase{535, false, false, ""},
        ReplyCase{454, true, false, ""}, ReplyCase{421, true, false, ""}, ReplyCase{250, false, false, ""}}) {
    const auto result =
        not_accepted(subject.plan, Mechanism::ntlm, smtp::Reply(want.code, "", "words of the peer"));
    BOOST_REQUIRE(result.failure.has_value());
    BOOST_TEST((result.failure->kind == Failure::Kind::temporary) == want.is_temporary, want.code);
    BOOST_TEST(result.may_go_on == want.may_go_on, want.code);
    BOOST_TEST(!result.outcome);
    BOOST_TEST((result.failure->reason == Failure::Reason::auth_not_offered), want.code);
    BOOST_TEST(result.failure->text.find("words of the peer") != std::string::npos);
    BOOST_TEST(result.failure->text.find(want.hint) != std::string::npos, result.failure->text);
  }
}

BOOST_AUTO_TEST_CASE(only_235_is_a_login_and_every_5xx_after_the_credential_is_a_refusal) {
  const Subject subject;
  for (const int code : {235, 250, 334, 221, 421, 432, 454, 500, 501, 504, 530, 534, 535, 550, 554}) {
    const auto result = judge_answer(subject.plan, smtp::Reply(code, "", "words"));
    BOOST_TEST(result.failure.has_value() == (code != 235), code);
    const auto outcome = code == 235   ? LoginOutcome::succeeded
                         : code >= 500 ? LoginOutcome::refused
                                       : LoginOutcome::unfinished;
    BOOST_TEST((result.outcome == outcome), code);
    if (!result.failure) continue;
    BOOST_TEST((result.failure->reason ==
                (code >= 500 ? Failure::Reason::login_refused : Failure::Reason::login_unanswered)),
               code);
    BOOST_TEST(!result.may_go_on, "nothing is tried after the credential was shown");
  }
}

BOOST_AUTO_TEST_CASE(words_behind_334_are_no_challenge) {
  BOOST_TEST(!is_ntlmssp_text(""));
  BOOST_TEST(!is_ntlmssp_text("ntlm supported"));
  BOOST_TEST(!is_ntlmssp_text("NTLM"));  // base64 by chance
  BOOST_TEST(!is_ntlmssp_text("TlRMTVNTUAE"));
  BOOST_TEST(is_ntlmssp_text("TlRMTVNTUAACAAAA"));
}

BOOST_AUTO_TEST_SUITE_END()
