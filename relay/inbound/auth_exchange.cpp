#include "inbound/auth_exchange.hpp"

#include "smtpseal/policy/ntlm_settings.hpp"
#include "smtpseal/smtp/command.hpp"

namespace smtpseal::relay {

using Kind = AuthStep::Kind;

namespace {

bool is_too_weak(const ErrorCode& error) {
  return error == make_error_code(ntlm::errc::weak_response) ||
         error == make_error_code(ntlm::errc::weak_strength);
}

}  // namespace

AuthExchange::AuthExchange(const std::shared_ptr<const crypto::Engine>& engine,
                           std::shared_ptr<const policy::PolicySet> set,
                           std::shared_ptr<const ntlm::ServerPolicy> policy)
    : set_(std::move(set)), server_(engine, std::move(policy), ntlm::draw_server_nonce(*engine)) {}

AuthStep AuthExchange::begin(std::string_view initial_response, std::uint64_t now) {
  if (initial_response.empty() || initial_response == "=")
    return {Kind::more, smtp::Reply(334, "", "ntlm supported"), {}};  // [MS-SMTPNTLM] 2.2.1.2
  return line(initial_response, now);
}

AuthStep AuthExchange::line(std::string_view text, std::uint64_t now) {
  if (text == "*") {
    state_ = State::done;
    return {Kind::cancelled, smtp::Reply(501, "5.7.0", "authentication cancelled"),
            "cancelled by the client"};
  }
  const auto octets = smtp::from_base64(text);
  if (!octets) return fail({501, "5.5.2", "cannot decode response: not base64"}, "not base64");
  switch (state_) {
    case State::wants_negotiate:
      return take_negotiate(as_bytes(*octets), now);
    case State::wants_authenticate:
      return take_authenticate(as_bytes(*octets), now);
    case State::done:
      break;
  }
  return fail({503, "5.5.1", "no authentication in progress"}, "out of order");
}

AuthStep AuthExchange::take_negotiate(ByteSpan message, std::uint64_t now) {
  const auto challenge = server_.challenge(message, now);
  if (!challenge) return fail({501, "5.5.2", "malformed NTLM message"}, challenge.error().message());
  state_ = State::wants_authenticate;
  return {Kind::more, smtp::Reply(334, "", smtp::to_base64(as_text(*challenge))), {}};
}

AuthStep AuthExchange::take_authenticate(ByteSpan message, std::uint64_t now) {
  static const smtp::Reply kRefused(535, "5.7.8", "authentication failed");
  static const smtp::Reply kTooWeak(534, "5.7.9",
                                    "authentication mechanism or encryption is too weak for this account");
  const auto claim = server_.claim(message);
  if (!claim) return fail(kRefused, claim.error().message());
  claimed_ = claim->domain.empty() ? claim->user : claim->domain + "\\" + claim->user;
  account_ = set_->accounts.find(claim->domain, claim->user);
  auto outcome = server_.verify(policy::secret_of(account_), policy::requirements_of(account_), now);
  if (!outcome && is_too_weak(outcome.error())) return fail(kTooWeak, outcome.error().message());
  if (!outcome) return fail(kRefused, outcome.error().message());
  if (outcome->sealed && !ntlm::has_fresh_key(outcome->flags))
    return fail(kTooWeak, "the seal's key would be the same in every session (KEY_EXCH missing)");
  outcome_.emplace(std::move(*outcome));
  state_ = State::done;
  return {Kind::succeeded, smtp::Reply(235, "2.7.0", "NTLM authentication successful"), {}};
}

AuthStep AuthExchange::fail(smtp::Reply reply, std::string reason) {
  state_ = State::done;
  return {Kind::failed, std::move(reply), std::move(reason)};
}

}  // namespace smtpseal::relay
