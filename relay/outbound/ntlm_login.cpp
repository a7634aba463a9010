#include "outbound/ntlm_login.hpp"

#include "smtpseal/ntlm/challenge.hpp"
#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/ntlm/filetime.hpp"
#include "smtpseal/ntlm/text.hpp"
#include "smtpseal/policy/ntlm_settings.hpp"
#include "smtpseal/smtp/command.hpp"

namespace smtpseal::relay {

using daemon::Task;
using policy::Mechanism;
using Kind = Failure::Kind;
using Reason = Failure::Reason;

namespace {

constexpr int kSyntaxError = 501;  // what a server says that takes no initial response

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

ntlm::Client make_client(const OutboundContext& context, const LoginPlan& plan) {
  const bool seal = plan.rule.level == policy::Level::seal;
  ntlm::ClientPolicy settings = policy::client_policy(plan.rule.profile, seal, plan.rule.strength);
  if (plan.rule.profile == policy::Profile::modern) {
    settings.target_name = plan.target_name;
    settings.target_name_is_unverified = plan.target_is_unverified;
    settings.channel_bindings = plan.bindings;
  }
  return {context.engine,
          policy::client_identity(plan.credential.name, plan.credential.secret, context.settings.hostname),
          std::move(settings), ntlm::draw_nonces(*context.engine)};
}

// Says AUTH NTLM with the NEGOTIATE message as initial response, and without where the server wants it so;
// the reply is the one with the CHALLENGE, or a refusal.
Task<Result<smtp::Reply>> ask_for_challenge(const OutboundContext& context, SmtpLink& link,
                                            const LoginPlan& plan, const std::string& negotiate) {
  const auto timeout = context.settings.command_timeout;
  const std::string opening = std::string(auth_verb(plan.rule)) + " NTLM";
  auto reply = co_await link.command(opening + " " + negotiate, timeout);
  if (reply && reply->code == kSyntaxError) reply = co_await link.command(opening, timeout);
  if (!reply || reply->code != 334 || is_ntlmssp_text(reply->lines.front())) co_return reply;
  co_return co_await link.command(negotiate, timeout);
}

// Says that the login is not gone on with (RFC 4954 section 4); what the next hop says to it is all the same.
Task<Result<smtp::Reply>> cancel(const OutboundContext& context, SmtpLink& link) {
  std::string star = "*";
  return link.command(std::move(star), context.settings.quit_timeout);
}

// For observers.
std::string describe_challenge(const ntlm::Challenge& challenge) {
  const bool is_unicode = (challenge.flags & ntlm::kUnicode) != 0;
  const auto target =
      ntlm::decode_text(challenge.target_name, is_unicode ? ntlm::Charset::unicode : ntlm::Charset::oem);
  return "of " + (target && !target->empty() ? *target : std::string("an unnamed target")) + ", grants " +
         ntlm::describe_flags(challenge.flags);
}

// After the login: the seal, where the rule asks for one.
std::optional<Failure> install_seal(const OutboundContext& context, SmtpLink& link, const LoginPlan& plan,
                                    const ntlm::Outcome& outcome) {
  if (!ntlm::has_fresh_key(outcome.flags))
    return Failure{Kind::protection, Reason::too_weak, "7.9",
                   plan.peer + " did not grant KEY_EXCH: the seal's key would be the same in every session"};
  if (link.has_unread_input())
    return Failure{Kind::protection, Reason::seal_broken, "7.5",
                   plan.peer + " sent octets in clear behind its 235 reply"};
  session::SecurityLayer layer(context.engine, ntlm::Role::client, outcome, plan.rule.framing,
                               context.settings.layer_limits);
  if (plan.rule.rc4_state == policy::Rc4State::separate) layer.accept_separate_state();
  link.stream().install(std::move(layer));
  return std::nullopt;
}

}  // namespace

Failure explain_ntlm(const ErrorCode& error, const LoginPlan& plan) {
  using ntlm::errc;
  const std::string required = std::to_string(plan.rule.strength) + " bit";
  if (error == make_error_code(errc::weak_strength))
    return {Kind::protection, Reason::too_weak, "7.9",
            plan.peer + " grants an encryption weaker than the required " + required};
  if (error == make_error_code(errc::seal_not_negotiated))
    return {Kind::protection, Reason::too_weak, "7.9",
            plan.peer + " does not grant encryption (SEAL) in its NTLM challenge"};
  if (error == make_error_code(errc::lm_hash_unavailable))
    return {Kind::protection, Reason::no_credential, "7.9",
            "account " + plan.credential.account +
                " has no LM hash, which LM_KEY needs (smtpseal credential set --lm)"};
  return {Kind::protection, Reason::out_of_step, "7.5",
          "NTLM challenge of " + plan.peer + " is unusable: " + error.message()};
}

bool is_ntlmssp_text(std::string_view text) {
  const auto octets = smtp::from_base64(text);
  return octets && octets->starts_with(std::string_view("NTLMSSP\0", 8));
}

Task<LoginResult> log_in_by_ntlm(OutboundContext& context, SmtpLink& link, const LoginPlan& plan) {
  ntlm::Client client = make_client(context, plan);
  const auto negotiate = client.negotiate();
  if (!negotiate) co_return failed_login(explain_ntlm(negotiate.error(), plan));
  const auto first = co_await ask_for_challenge(context, link, plan, smtp::to_base64(as_text(*negotiate)));
  if (!first) co_return failed_login(lost_connection(plan, first.error()));
  if (first->code != 334) co_return not_accepted(plan, Mechanism::ntlm, *first);

  const auto challenge = smtp::from_base64(first->lines.front());
  if (!challenge)
    co_return failed_login(
        {Kind::protection, Reason::out_of_step, "7.5", plan.peer + " sent a challenge that is not base64"});
  const auto granted = ntlm::decode_challenge(as_bytes(*challenge));
  if (granted) plan.observer->on_step("challenge", std::nullopt, describe_challenge(*granted));
  const auto authenticate = client.authenticate(as_bytes(*challenge), ntlm::filetime_now());
  if (!authenticate) {
    co_await cancel(context, link);
    Failure failure = explain_ntlm(authenticate.error(), plan);
    if (granted && authenticate.error() == make_error_code(ntlm::errc::weak_strength))
      failure.text += ": " + std::to_string(ntlm::seal_strength(granted->flags)) + " < " +
                      std::to_string(plan.rule.strength);
    co_return failed_login(std::move(failure));
  }
  const auto admission = co_await may_show_credential(context, plan);
  if (!admission.ticket) {
    co_await cancel(context, link);
    co_return denied(*admission.denial);
  }
  SecretText response(smtp::to_base64(as_text(*authenticate)));
  const auto last = co_await link.command(std::move(response), context.settings.command_timeout);
  auto result = settle_login(plan, *admission.ticket, last);
  if (result.failure) co_return std::move(result);

  const ntlm::Outcome outcome = client.take_outcome();
  result.security = describe(outcome, plan);
  if (plan.rule.level == policy::Level::seal) result.failure = install_seal(context, link, plan, outcome);
  co_return std::move(result);
}

}  // namespace smtpseal::relay
