#include "outbound/login.hpp"

#include "outbound/delivery_check.hpp"
#include "outbound/ntlm_login.hpp"
#include "outbound/password_login.hpp"

namespace smtpseal::relay {

using daemon::Task;
using policy::Mechanism;
using Kind = Failure::Kind;
using Reason = Failure::Reason;

namespace {

bool is_offered(const policy::DomainRule& rule, Mechanism mechanism, const smtp::Ehlo& ehlo) {
  if (mechanism != Mechanism::ntlm) return ehlo.offers_auth(policy::name(mechanism));
  switch (rule.profile) {
    case policy::Profile::exchange_55:
      return true;
    case policy::Profile::exchange_50:
      return ehlo.offers_xauth("NTLM");
    case policy::Profile::modern:
      break;
  }
  return ehlo.offers_auth("NTLM");
}

std::string refusal(const LoginPlan& plan, const std::string& what, const smtp::Reply& reply) {
  return plan.peer + " " + what + ": " + reply.one_line();
}

// What a code says to the administrator that the words behind it may not.
std::string_view hint(const LoginPlan& plan, int code) {
  const bool has_tls = plan.rule.tls.mode != policy::TlsMode::none;
  if (!has_tls && (code == 530 || code == 538)) return " (it may want STARTTLS first: tls= in the rule)";
  if (code == 534) return " (it takes this mechanism for too weak)";
  return {};
}

}  // namespace

LoginResult failed_login(Failure failure) {
  LoginResult result;
  result.failure = std::move(failure);
  return result;
}

std::string_view auth_verb(const policy::DomainRule& rule) {
  return rule.profile == policy::Profile::exchange_50 ? "XAUTH" : "AUTH";
}

std::vector<Mechanism> usable_mechanisms(const policy::DomainRule& rule, const smtp::Ehlo& ehlo) {
  std::vector<Mechanism> usable;
  for (const Mechanism mechanism : rule.mechanisms)
    if (is_offered(rule, mechanism, ehlo)) usable.push_back(mechanism);
  return usable;
}

std::string nothing_offered(const policy::DomainRule& rule) {
  std::string names;
  for (const Mechanism mechanism : rule.mechanisms)
    names += (names.empty() ? "" : " or ") + std::string(policy::name(mechanism));
  return "does not offer " + std::string(auth_verb(rule)) + " " + names + ", or it was removed in transit";
}

Failure lost_connection(const LoginPlan& plan, const ErrorCode& error) {
  return {Kind::temporary, Reason::lost, "4.2",
          "connection to " + plan.peer + " failed during the login: " + error.message()};
}

LoginResult not_accepted(const LoginPlan& plan, Mechanism mechanism, const smtp::Reply& reply) {
  const bool temporary = reply.is_temporary();
  LoginResult result = failed_login({temporary ? Kind::temporary : Kind::protection, Reason::auth_not_offered,
                                     temporary ? "7.0" : "7.4",
                                     refusal(plan,
                                             "did not accept " + std::string(auth_verb(plan.rule)) + " " +
                                                 std::string(policy::name(mechanism)),
                                             reply) +
                                         std::string(hint(plan, reply.code))});
  result.may_go_on = reply.is_permanent() && reply.code != 530 && reply.code != 535;
  return result;
}

LoginResult judge_answer(const LoginPlan& plan, const smtp::Reply& reply) {
  LoginResult result;
  result.outcome = LoginOutcome::succeeded;
  if (reply.code == 235) return result;
  result.outcome = reply.is_permanent() ? LoginOutcome::refused : LoginOutcome::unfinished;
  if (result.outcome == LoginOutcome::refused)
    result.failure = Failure{Kind::protection, Reason::login_refused, "7.8",
                             refusal(plan, "refused the login of account " + plan.credential.account, reply)};
  else
    result.failure = Failure{Kind::temporary, Reason::login_unanswered, "7.0",
                             refusal(plan, "did not complete the login", reply)};
  return result;
}

LoginResult denied(const CredentialGate::Denial& denial) {
  LoginResult result = failed_login(to_failure(denial));
  result.is_final = true;
  return result;
}

Task<CredentialGate::Admission> may_show_credential(OutboundContext& context, const LoginPlan& plan) {
  std::string peer = plan.peer;
  std::string rule = plan.rule.origin.text();
  co_return co_await context.gate.enter(plan.credential, std::move(peer), std::move(rule));
}

LoginResult settle_login(const LoginPlan& plan, CredentialGate::Ticket& ticket,
                         const Result<smtp::Reply>& answer) {
  if (!answer) {
    ticket.unanswered(answer.error().message());
    LoginResult lost = failed_login(lost_connection(plan, answer.error()));
    lost.failure->reason = Reason::login_unanswered;
    lost.outcome = LoginOutcome::unfinished;
    lost.is_final = true;
    return lost;
  }
  LoginResult result = judge_answer(plan, *answer);
  result.is_final = result.failure.has_value();
  if (result.outcome == LoginOutcome::succeeded)
    ticket.succeeded();
  else if (result.outcome == LoginOutcome::refused)
    ticket.refused(answer->one_line());
  else
    ticket.unanswered(answer->one_line());
  return result;
}

Task<LoginResult> log_in(OutboundContext& context, SmtpLink& link, const smtp::Ehlo& offers,
                         const LoginPlan& plan) {
  LoginResult first = failed_login(
      {Kind::protection, Reason::auth_not_offered, "7.4", plan.peer + " " + nothing_offered(plan.rule)});
  bool is_first = true;
  for (const Mechanism mechanism : usable_mechanisms(plan.rule, offers)) {
    LoginResult result;  // g++ 12 makes a bitwise copy of a co_await behind "?:"
    if (mechanism == Mechanism::ntlm) {
      result = co_await log_in_by_ntlm(context, link, plan);
    } else {
      result = co_await log_in_by_password(context, link, mechanism, plan);
    }
    if (!result.failure || !result.may_go_on) co_return std::move(result);
    if (std::exchange(is_first, false)) first = std::move(result);
  }
  co_return std::move(first);
}

}  // namespace smtpseal::relay
