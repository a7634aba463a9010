#include "outbound/hop_session.hpp"

#include <boost/asio/ip/tcp.hpp>

#include "outbound/delivery_check.hpp"
#include "outbound/starttls.hpp"
#include "smtpseal/daemon/connect.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/ntlm/channel_bindings.hpp"
#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::relay {

using daemon::Seconds;
using daemon::Task;
using Kind = Failure::Kind;
using Reason = Failure::Reason;

namespace {

// What observers are told.
std::string names_of(const std::vector<Target>& targets) {
  std::string names;
  for (const auto& target : targets) names += (names.empty() ? "" : ", ") + target.text();
  return names;
}

std::string keywords_of(const smtp::Reply& ehlo) {
  std::string keywords;
  for (std::size_t i = 1; i < ehlo.lines.size(); ++i) keywords += (i == 1 ? "" : ", ") + ehlo.lines[i];
  return keywords.empty() ? "offers nothing" : "offers " + keywords;
}

std::string describe_tls(const SmtpLink& link, const TlsResult& result) {
  const auto* tls = link.stream().tls();
  if (tls == nullptr) return {};
  const auto facts = tls->facts();
  return facts.version + ", " + facts.cipher + ", certificate " +
         (result.verified == "no" ? "not verified" : "verified by " + result.verified);
}

std::string describe_login(const session::SessionSecurity& security, const policy::DomainRule& rule) {
  if (security.mechanism.empty()) return {};
  std::string text = security.mechanism + " as " + security.account;
  if (!security.response) return text;
  text += ", " + std::string(ntlm::name(*security.response)) + ", agreed on " +
          ntlm::describe_flags(security.flags);
  if (security.bits == 0) return text + ", no seal";
  const bool has_ess = (security.flags & ntlm::kExtendedSessionSecurity) != 0;
  return text + ", seal of " + std::to_string(security.bits) + " bit, " +
         std::string(session::name(rule.framing)) + (has_ess ? ", RC4 state each way" : ", shared RC4 state");
}

}  // namespace

Task<HopSession::Opened> HopSession::open(OutboundContext& context, const HopPlan& plan, std::string log_id) {
  const auto began = daemon::Clock::now();
  auto held = plan.credential == nullptr ? std::nullopt : held_login(context, *plan.credential);
  if (plan.credential != nullptr)
    plan.observer->on_step("account", held, held ? std::string() : plan.credential->account);
  if (held) co_return Opened{nullptr, held};
  Route route = co_await find_route(context.resolver, context.settings, plan.decision);
  std::optional<Failure> failure = std::move(route.failure);
  plan.observer->on_step("hosts", route.targets.empty() ? failure : std::nullopt, names_of(route.targets));
  for (const auto& target : route.targets) {
    if (!plan.observer->may_go_on()) break;
    auto stream = co_await daemon::connect_within(boost::asio::ip::tcp::endpoint(target.address, target.port),
                                                  context.settings.connect_timeout);
    if (!stream) {
      failure = Failure{Kind::temporary, Reason::connect, "4.1",
                        "connect to " + target.text() + ": " + stream.error().message()};
      plan.observer->on_step("connect", failure, {});
      log::info("hop-unreachable")
          .field("id", log_id)
          .field("host", target.text())
          .field("reason", stream.error().message());
      continue;
    }
    plan.observer->on_step("connect", std::nullopt, target.text());
    auto session =
        std::make_unique<HopSession>(context, SmtpLink(std::move(*stream), context.settings.auth_line_limit),
                                     target, hop_key(plan), log_id);
    const LoginResult result = co_await session->start(plan, target);
    if (!result.failure) {
      session->count_opened(began);
      co_return Opened{std::move(session), {}};
    }
    log::warning("hop-failed")
        .field("id", log_id)
        .field("domain", plan.decision.domain)
        .field("host", target.text())
        .field("rule", plan.decision.rule->origin.text())
        .field("reason", result.failure->text);
    // Where a broken rule bounces, a host that is only down for now must not be overruled by a worse backup.
    const bool keeps_waiting = plan.decision.rule->on_failure == policy::OnFailure::bounce && failure &&
                               failure->kind == Failure::Kind::temporary;
    if (!keeps_waiting || result.is_final) failure = result.failure;
    if (result.is_final) break;
  }
  co_return Opened{nullptr, std::move(failure)};
}

HopSession::HopSession(OutboundContext& context, SmtpLink link, const Target& target, std::string key,
                       std::string log_id)
    : context_(context),
      link_(std::move(link)),
      peer_(target.host + "[" + target.address.to_string() + "]"),
      key_(std::move(key)),
      log_id_(std::move(log_id)),
      present_(context.metrics.sessions_open(Direction::outbound)),
      octets_(context.metrics, Direction::outbound) {}

HopSession::~HopSession() {
  if (security_.protection == session::Protection::none) return;
  const auto had = security();
  octets_.update(had);
  log::info("hop-close")
      .field("id", log_id_)
      .field("host", peer_)
      .field("status", session::name(had.protection))
      .field("messages", static_cast<std::uint64_t>(messages))
      .field("sealed", had.octets_sealed)
      .field("unsealed", had.octets_unsealed);
}

Task<LoginResult> HopSession::start(const HopPlan& plan, const Target& target) {
  LoginResult result;
  result.failure = co_await greet(*plan.observer);
  if (!result.failure) result.failure = co_await say_ehlo(*plan.observer, "ehlo");
  if (!result.failure && plan.decision.rule->tls.mode != policy::TlsMode::none)
    result.failure = co_await enter_tls(plan, target);
  if (result.failure) co_return std::move(result);
  if (plan.credential != nullptr) result = co_await log_in_as(plan, target);
  if (!result.failure) log_opened(plan.decision);
  co_return std::move(result);
}

// What was learnt before TLS is worthless behind it (RFC 3207 section 4.2).
Task<std::optional<Failure>> HopSession::enter_tls(const HopPlan& plan, const Target& target) {
  const bool is_literal = target.host.starts_with('[');
  const TlsPlan tls{plan.decision.rule->tls, plan.authorities, peer_,
                    is_literal ? target.address.to_string() : target.host};
  const smtp::Ehlo offers = std::exchange(offers_, smtp::Ehlo());
  auto entered = co_await start_tls(context_, link_, offers, tls);
  plan.observer->on_step("starttls", entered.failure, describe_tls(link_, entered));
  if (entered.failure) co_return std::move(entered.failure);
  verified_ = std::move(entered.verified);
  security_.protection = session::Protection::tls;
  security_.tls = link_.stream().tls()->facts();
  co_return co_await say_ehlo(*plan.observer, "ehlo in TLS");
}

Task<LoginResult> HopSession::log_in_as(const HopPlan& plan, const Target& target) {
  LoginPlan login{*plan.decision.rule, *plan.credential, peer_, "SMTPSVC/" + target.host, target.is_from_mx};
  login.observer = plan.observer;
  const auto* tls = link_.stream().tls();
  const auto binding = tls == nullptr ? std::nullopt : tls->end_point_binding();
  if (binding) login.bindings = ntlm::channel_bindings_hash(*context_.engine, *binding);
  LoginResult result = co_await log_in(context_, link_, offers_, login);
  plan.observer->on_step("login", result.failure, describe_login(result.security, login.rule));
  if (result.outcome) context_.metrics.logins(Direction::outbound, *result.outcome).Increment();
  if (result.failure) co_return std::move(result);
  result.security.tls = std::move(security_.tls);
  security_ = result.security;
  // A layer switch makes what was learnt before it worthless (RFC 4954 section 4). Exchange 5.x takes no
  // second EHLO (stated, Q297269): its first sealed command is MAIL, which a peer without the key cannot
  // read.
  const bool say_again = security_.bits != 0 && plan.decision.rule->profile == policy::Profile::modern;
  if (say_again) result.failure = co_await say_ehlo(*plan.observer, "ehlo in seal");
  co_return std::move(result);
}

void HopSession::count_opened(daemon::Clock::time_point began) const {
  const std::chrono::duration<double> took = daemon::Clock::now() - began;
  context_.metrics.hop_open_seconds.Observe(took.count());
  context_.metrics.sessions(Direction::outbound, security_.protection).Increment();
}

void HopSession::end_message() {
  in_transaction = false;
  ++messages;
  octets_.update(security());
}

void HopSession::log_opened(const policy::Decision& decision) const {
  auto line = log::info("hop-open");
  line.field("id", log_id_)
      .field("domain", decision.domain)
      .field("host", peer_)
      .field("rule", decision.rule->origin.text())
      .field("status", session::name(security_.protection));
  if (!security_.account.empty()) line.field("account", security_.account).field("mech", security_.mechanism);
  if (security_.response) {
    line.field("auth", ntlm::name(*security_.response))
        .field("bits", security_.bits)
        .field("flags", ntlm::describe_flags(security_.flags));
  }
  if (security_.tls)
    line.field("tls", security_.tls->version)
        .field("cipher", security_.tls->cipher)
        .field("verified", verified_);
}

Task<std::optional<Failure>> HopSession::greet(HopObserver& observer) {
  const auto greeting = co_await reply(context_.settings.greeting_timeout);
  std::optional<Failure> failure;
  if (!greeting)
    failure = explain(greeting.error());
  else if (greeting->code != 220)
    failure = Failure{Kind::temporary, Reason::greeting, "4.0",
                      peer_ + " did not greet with 220: " + greeting->one_line()};
  observer.on_step("greeting", failure, greeting ? greeting->one_line() : std::string());
  co_return std::move(failure);
}

Task<std::optional<Failure>> HopSession::say_ehlo(HopObserver& observer, std::string_view step) {
  const auto answer =
      co_await command("EHLO " + context_.settings.hostname, context_.settings.command_timeout);
  std::optional<Failure> failure;
  if (!answer)
    failure = explain(answer.error());
  else if (answer->code != 250)
    failure =
        Failure{Kind::temporary, Reason::greeting, "4.0", peer_ + " refused EHLO: " + answer->one_line()};
  else
    offers_ = smtp::parse_ehlo(*answer);
  observer.on_step(step, failure, failure ? std::string() : keywords_of(*answer));
  co_return std::move(failure);
}

Task<Result<smtp::Reply>> HopSession::command(std::string line, Seconds timeout) {
  auto answer = co_await link_.command(std::move(line), timeout);
  broken_ = broken_ || !answer || answer->code == 421;
  co_return answer;
}

Task<Result<smtp::Reply>> HopSession::reply(Seconds timeout) {
  auto answer = co_await link_.reply(timeout);
  broken_ = broken_ || !answer || answer->code == 421;
  co_return answer;
}

Task<Result<>> HopSession::send(std::string_view octets, Seconds timeout) {
  auto sent = co_await link_.send(octets, timeout);
  broken_ = broken_ || !sent;
  co_return sent;
}

Failure HopSession::explain(const ErrorCode& error) const {
  if (error.category() != session::category())
    return {Kind::temporary, Reason::lost, "4.2", "connection to " + peer_ + " failed: " + error.message()};
  if (security().octets_unsealed == 0)
    return {Kind::protection, Reason::seal_broken, "7.5",
            peer_ + " did not show that it knows the session key: its first sealed reply does not verify (" +
                error.message() + ")"};
  return {Kind::temporary, Reason::seal_broken, "7.5",
          "sealed session with " + peer_ + " broke: " + error.message()};
}

Task<bool> HopSession::reset() {
  if (!in_transaction) co_return !broken_;
  const auto answer = co_await command("RSET", context_.settings.quit_timeout);
  in_transaction = false;
  co_return answer && answer->is_positive() && !broken_;
}

Task<> HopSession::quit() {
  if (!broken_) co_await command("QUIT", context_.settings.quit_timeout);
}

session::SessionSecurity HopSession::security() const {
  session::SessionSecurity now = security_;
  if (const auto* layer = link_.stream().layer()) {
    now.octets_sealed = layer->octets_sealed();
    now.octets_unsealed = layer->octets_unsealed();
  }
  return now;
}

std::string hop_key(const HopPlan& plan) {
  const policy::DomainRule& rule = *plan.decision.rule;
  std::string key = plan.decision.domain;
  const auto add = [&key](std::string_view part) {
    key += '\n';
    key += part;
  };
  add(policy::name(rule.level));
  add(policy::name(rule.profile));
  add(std::to_string(rule.strength));
  add(session::name(rule.framing));
  add(rule.rc4_state == policy::Rc4State::separate ? "separate" : "shared");
  add(rule.nexthop ? rule.nexthop->host + ":" + std::to_string(rule.nexthop->port) : "mx");
  add(rule.tls.text());
  // A session that was checked against authorities keeps them, so that no others can come to have their
  // address.
  add(std::to_string(reinterpret_cast<std::uintptr_t>(plan.authorities.get())));
  for (const auto mechanism : rule.mechanisms) add(policy::name(mechanism));
  if (plan.credential == nullptr) return key;
  add(plan.credential->account);
  add(std::to_string(plan.credential->secret.generation));
  return key;
}

}  // namespace smtpseal::relay
