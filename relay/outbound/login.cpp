#include "outbound/login.hpp"

#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/ntlm/filetime.hpp"
#include "smtpseal/policy/ntlm_settings.hpp"
#include "smtpseal/smtp/command.hpp"

namespace smtpseal::relay {

using daemon::Task;
using Kind = Failure::Kind;

namespace {

std::string_view verb_of(const policy::DomainRule& rule) {
  return rule.profile == policy::Profile::exchange_50 ? "XAUTH" : "AUTH";
}

std::string refusal(const LoginPlan& plan, std::string_view what, const smtp::Reply& reply) {
  return plan.peer + " " + std::string(what) + ": " + reply.one_line();
}

// The reply to the AUTH line itself, where no credential was shown yet.
Failure not_accepted(const LoginPlan& plan, const smtp::Reply& reply) {
  const bool temporary = reply.is_temporary();
  return {temporary ? Kind::temporary : Kind::protection, temporary ? "7.0" : "7.4",
          refusal(plan, "did not accept " + std::string(verb_of(plan.rule)) + " NTLM", reply)};
}

struct Answer {
  LoginResult result;
  bool accepted = false;
};

// The reply to the AUTHENTICATE message. RFC 4954 has 535 for a wrong credential, but any 5xx may mean it,
// and a second try may lock the account.
Answer judge(const LoginPlan& plan, const smtp::Reply& reply) {
  Answer answer;
  if (reply.code == 235) {
    answer.accepted = true;
  } else if (reply.is_permanent()) {
    answer.result.refused = true;
    answer.result.failure =
        Failure{Kind::protection, "7.8",
                refusal(plan, "refused the login of account " + plan.credential.account, reply)};
  } else {
    answer.result.failure =
        Failure{Kind::temporary, "7.0", refusal(plan, "did not complete the login", reply)};
  }
  return answer;
}

session::SessionSecurity describe(const ntlm::Outcome& outcome, const LoginPlan& plan) {
  session::SessionSecurity security;
  security.protection = outcome.sealed ? session::Protection::sealed : session::Protection::authenticated;
  security.mechanism = "NTLM";
  security.account = plan.credential.account;
  security.response = outcome.response;
  security.bits = outcome.sealed ? outcome.strength : 0;
  security.flags = outcome.flags;
  return security;
}

LoginResult failed(Failure failure) {
  LoginResult result;
  result.failure = std::move(failure);
  return result;
}

Failure lost(const LoginPlan& plan, const ErrorCode& error) {
  return {Kind::temporary, "4.2",
          "connection to " + plan.peer + " failed during the login: " + error.message()};
}

}  // namespace

std::optional<std::string> cannot_log_in(const policy::DomainRule& rule, const smtp::Ehlo& ehlo) {
  if (rule.profile == policy::Profile::exchange_55) return std::nullopt;
  const bool offered =
      rule.profile == policy::Profile::exchange_50 ? ehlo.offers_xauth("NTLM") : ehlo.offers_auth("NTLM");
  if (offered) return std::nullopt;
  return "does not offer " + std::string(verb_of(rule)) + " NTLM, or it was removed in transit";
}

Failure explain_ntlm(const ErrorCode& error, const LoginPlan& plan) {
  using ntlm::errc;
  const std::string required = std::to_string(plan.rule.strength) + " bit";
  if (error == make_error_code(errc::weak_strength))
    return {Kind::protection, "7.9",
            plan.peer + " grants an encryption weaker than the required " + required};
  if (error == make_error_code(errc::seal_not_negotiated))
    return {Kind::protection, "7.9", plan.peer + " does not grant encryption (SEAL) in its NTLM challenge"};
  if (error == make_error_code(errc::lm_hash_unavailable))
    return {Kind::protection, "7.9",
            "account " + plan.credential.account +
                " has no LM hash, which LM_KEY needs (smtpseal credential set --lm)"};
  return {Kind::protection, "7.5", "NTLM challenge of " + plan.peer + " is unusable: " + error.message()};
}

Task<LoginResult> log_in(OutboundContext& context, SmtpLink& link, const LoginPlan& plan) {
  const auto timeout = context.settings.command_timeout;
  const bool seal = plan.rule.level == policy::Level::seal;
  ntlm::ClientPolicy settings = policy::client_policy(plan.rule.profile, seal, plan.rule.strength);
  if (plan.rule.profile == policy::Profile::modern) settings.target_name = plan.target_name;
  ntlm::Client client(
      context.engine,
      policy::client_identity(plan.credential.name, plan.credential.secret, context.settings.hostname),
      std::move(settings), ntlm::draw_nonces(*context.engine));

  const auto negotiate = client.negotiate();
  if (!negotiate) co_return failed(explain_ntlm(negotiate.error(), plan));
  const std::string opening =
      std::string(verb_of(plan.rule)) + " NTLM " + smtp::to_base64(as_text(*negotiate));
  const auto first = co_await link.command(opening, timeout);
  if (!first) co_return failed(lost(plan, first.error()));
  if (first->code != 334) co_return failed(not_accepted(plan, *first));

  const auto challenge = smtp::from_base64(first->lines.front());
  if (!challenge)
    co_return failed({Kind::protection, "7.5", plan.peer + " sent a challenge that is not base64"});
  const auto authenticate = client.authenticate(as_bytes(*challenge), ntlm::filetime_now());
  if (!authenticate) co_return failed(explain_ntlm(authenticate.error(), plan));

  const auto ticket = co_await context.gate.enter(plan.credential);
  if (!ticket)
    co_return failed({Kind::protection, "7.8",
                      "credential of account " + plan.credential.account +
                          " is on hold after a refused login; set it anew, or wait"});
  const auto last = co_await link.command(smtp::to_base64(as_text(*authenticate)), timeout);
  if (!last) co_return failed(lost(plan, last.error()));
  auto [result, accepted] = judge(plan, *last);
  if (result.refused) ticket->refused();
  if (!accepted) co_return std::move(result);

  const ntlm::Outcome outcome = client.take_outcome();
  result.security = describe(outcome, plan);
  if (!seal) co_return std::move(result);
  if (!ntlm::has_fresh_key(outcome.flags))
    co_return failed(
        {Kind::protection, "7.9",
         plan.peer + " did not grant KEY_EXCH: the seal's key would be the same in every session"});
  if (link.has_unread_input())
    co_return failed({Kind::protection, "7.5", plan.peer + " sent octets in clear behind its 235 reply"});
  session::SecurityLayer layer(context.engine, ntlm::Role::client, outcome, plan.rule.framing,
                               context.settings.layer_limits);
  if (plan.rule.rc4_state == policy::Rc4State::separate) layer.accept_separate_state();
  link.stream().install(std::move(layer));
  co_return std::move(result);
}

}  // namespace smtpseal::relay
