#include "outbound/password_login.hpp"

#include <algorithm>

#include "smtpseal/smtp/command.hpp"

namespace smtpseal::relay {

using daemon::Task;
using policy::Mechanism;
using Kind = Failure::Kind;

namespace {

// The message of RFC 4616: no authorization identity, account, password.
SecretText plain_message(const policy::Credential& credential) {
  std::string text;
  text.reserve(credential.account.size() + credential.secret.password->reveal().size() + 2);
  text += '\0';
  text += credential.account;
  text += '\0';
  text += credential.secret.password->reveal();
  SecretText message(smtp::to_base64(text));
  wipe(text.data(), text.size());
  return message;
}

SecretText password_line(const policy::Credential& credential) {
  return SecretText(smtp::to_base64(credential.secret.password->reveal()));
}

// How many digits `text` begins with, where they are one to three.
std::size_t short_number(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  return digits <= 3 ? digits : 0;
}

// The enhanced status code (RFC 3463) that the text of a reply begins with; empty where it has none of its
// class.
std::string_view status_of(const smtp::Reply& reply) {
  const std::string_view text = reply.lines.front();
  if (text.empty() || text.front() != '0' + reply.code / 100) return {};
  std::size_t end = 1;
  for (int part = 0; part < 2; ++part) {
    if (end >= text.size() || text[end] != '.') return {};
    const auto digits = short_number(text.substr(end + 1));
    if (digits == 0) return {};
    end += 1 + digits;
  }
  return end == text.size() || text[end] == ' ' ? text.substr(0, end) : std::string_view();
}

// Code and enhanced status of a reply, without its words: they may repeat the password, in whatever form.
smtp::Reply without_words(const smtp::Reply& reply, std::string_view password) {
  const auto status = status_of(reply);
  const bool is_shown = !status.empty() && password.find(status) == std::string_view::npos;
  return {reply.code, "", is_shown ? std::string(status) : "(words left out)"};
}

// Up to the line that shows the password: what is still to be sent. PLAIN goes without an initial response,
// since a server that does not want one must not see the password for nothing.
Task<Result<smtp::Reply>> begin(SmtpLink& link, Mechanism mechanism, const LoginPlan& plan,
                                daemon::Seconds timeout) {
  auto reply = co_await link.command("AUTH " + std::string(policy::name(mechanism)), timeout);
  if (mechanism == Mechanism::plain || !reply || reply->code != 334) co_return reply;
  co_return co_await link.command(smtp::to_base64(plan.credential.account), timeout);
}

}  // namespace

Task<LoginResult> log_in_by_password(OutboundContext& context, SmtpLink& link, Mechanism mechanism,
                                     const LoginPlan& plan) {
  if (link.stream().tls() == nullptr || !plan.credential.secret.password)
    co_return failed_login(
        {Kind::protection, Failure::Reason::tls, "7.5", "a password is shown inside TLS only"});
  const auto timeout = context.settings.command_timeout;
  const auto first = co_await begin(link, mechanism, plan, timeout);
  if (!first) co_return failed_login(lost_connection(plan, first.error()));
  if (first->code != 334) co_return not_accepted(plan, mechanism, *first);

  const auto admission = co_await may_show_credential(context, plan);
  if (!admission.ticket) co_return denied(*admission.denial);
  SecretText line =
      mechanism == Mechanism::plain ? plain_message(plan.credential) : password_line(plan.credential);
  auto last = co_await link.command(std::move(line), timeout);
  if (last) last = without_words(*last, plan.credential.secret.password->reveal());
  auto result = settle_login(plan, *admission.ticket, last);
  if (result.failure) co_return std::move(result);
  result.security.protection = session::Protection::authenticated;
  result.security.mechanism = policy::name(mechanism);
  result.security.account = plan.credential.account;
  co_return std::move(result);
}

}  // namespace smtpseal::relay
