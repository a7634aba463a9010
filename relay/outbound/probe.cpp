#include "outbound/probe.hpp"

#include <algorithm>
#include <utility>

#include "outbound/hop_observer.hpp"
#include "outbound/hop_session.hpp"
#include "outbound/tls_client.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/policy/describe.hpp"

namespace smtpseal::relay {

using control::ProbeReport;
using daemon::Clock;
using daemon::Seconds;
using daemon::Task;
using postfix::SocketmapReply;
using postfix::SocketmapStatus;
using Kind = Failure::Kind;
using Reason = Failure::Reason;

namespace {

// Writes the steps down, each with the time since the one before, and lets no wait be longer than what is
// left of the time there is.
class Watch final : public HopObserver {
 public:
  Watch(const OutboundContext& context, Seconds limit, ProbeReport& report)
      : stopping_(context.stopping),
        usual_(context.settings),
        settings_(context.settings),
        until_(Clock::now() + limit),
        report_(report) {
    shorten_waits();
  }

  void on_step(std::string_view name, const std::optional<Failure>& failure, std::string detail) override {
    const auto now = Clock::now();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - std::exchange(last_, now));
    if (failure) detail = detail.empty() ? failure->text : failure->text + " (" + detail + ")";
    report_.steps.push_back(
        {std::string(name), !failure, static_cast<std::uint64_t>(took.count()), std::move(detail)});
    shorten_waits();
  }
  [[nodiscard]] bool may_go_on() const override { return Clock::now() < until_ && !stopping_; }

  [[nodiscard]] const Settings& settings() const { return settings_; }

 private:
  void shorten_waits() {
    const auto left = std::max(Seconds(1), std::chrono::ceil<Seconds>(until_ - Clock::now()));
    settings_.connect_timeout = std::min(usual_.connect_timeout, left);
    settings_.greeting_timeout = std::min(usual_.greeting_timeout, left);
    settings_.command_timeout = std::min(usual_.command_timeout, left);
    settings_.tls_handshake_timeout = std::min(usual_.tls_handshake_timeout, left);
    settings_.quit_timeout = std::min(usual_.quit_timeout, left);
  }

  const bool& stopping_;
  const Settings& usual_;
  Settings settings_;
  Clock::time_point until_;
  Clock::time_point last_ = Clock::now();
  ProbeReport& report_;
};

// True for as long as it lives.
class Flag {
 public:
  explicit Flag(bool& flag) : flag_(flag) { flag_ = true; }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;
  ~Flag() { flag_ = false; }

 private:
  bool& flag_;
};

std::string required_text(const policy::DomainRule& rule) {
  std::string text = "level " + std::string(policy::name(rule.level));
  if (rule.level == policy::Level::seal) text += ", " + std::to_string(rule.strength) + " bit or more";
  if (rule.tls.mode != policy::TlsMode::none) text += ", tls=" + rule.tls.text();
  return text;
}

std::string success_text(const session::SessionSecurity& had, const std::string& verified,
                         const policy::DomainRule& rule) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (had.bits != 0) add("sealed with " + std::to_string(had.bits) + " bit");
  if (!had.account.empty()) add("logged on as " + had.account + " by " + had.mechanism);
  if (had.tls)
    add(had.tls->version + " (certificate " +
        (verified == "no" ? "not verified)" : "verified by " + verified + ")"));
  return "the link stands as the rule requires (" + required_text(rule) + "): " + text;
}

tls::TrustStore authorities_of(const OutboundContext& context, const policy::PolicySet& set,
                               const policy::DomainRule& rule) {
  if (rule.tls.ca_file.empty()) return context.tls.authorities();
  const auto loaded = set.authorities.find(rule.tls.ca_file);
  return loaded == set.authorities.end() ? nullptr : loaded->second;
}

// One probe, for a domain that has a rule.
class Probe {
 public:
  Probe(const OutboundContext& context, std::shared_ptr<const policy::PolicySet> set,
        const policy::Decision& decision, Seconds limit, ProbeReport& report)
      : set_(std::move(set)),
        decision_(decision),
        watch_(context, limit, report),
        context_(with_settings(context, watch_.settings())),
        report_(report) {}

  Task<> run(std::string log_id) {
    const policy::DomainRule& rule = *decision_.rule;
    std::optional<Failure> failure;
    watch_.on_step("rule", failure, rule.origin.text() + ": " + rule.pattern + ", " + required_text(rule));
    const bool needs_login = rule.level >= policy::Level::auth;
    const auto* credential = needs_login ? set_->credentials.find(rule.account) : nullptr;
    if (needs_login && credential == nullptr)
      failure = Failure{Kind::protection, Reason::no_credential, "3.5",
                        "no credential for account " + rule.account};
    if (!failure) failure = co_await open(credential, std::move(log_id));
    if (failure) conclude(*failure);
  }

 private:
  Task<std::optional<Failure>> open(const policy::Credential* credential, std::string log_id) {
    const HopPlan plan{decision_, credential, authorities_of(context_, *set_, *decision_.rule), &watch_};
    auto opened = co_await HopSession::open(context_, plan, std::move(log_id));
    if (opened.session == nullptr && !watch_.may_go_on())
      co_return Failure{Kind::temporary, Reason::connect, "4.2",
                        "the time limit is over, or the relay is shutting down" +
                            (opened.failure ? "; last: " + opened.failure->text : std::string())};
    if (opened.session == nullptr) co_return std::move(opened.failure);
    co_return co_await use(*opened.session);
  }

  Task<std::optional<Failure>> use(HopSession& session) {
    const auto answer = co_await session.command("NOOP", context_.settings.command_timeout);
    std::optional<Failure> failure;
    if (!answer)
      failure = session.explain(answer.error());
    else if (!answer->is_positive())
      failure = Failure{Kind::temporary, Reason::out_of_step, "4.5",
                        session.peer() + " refused NOOP: " + answer->one_line()};
    else if (decision_.rule->level == policy::Level::seal && !session.security().is_proven_sealed())
      failure = Failure{Kind::protection, Reason::seal_broken, "7.5", "nothing went through the seal"};
    watch_.on_step("noop", failure, answer ? answer->one_line() : std::string());
    if (failure) co_return std::move(failure);
    report_.stands = true;
    report_.verdict = success_text(session.security(), session.verified(), *decision_.rule);
    co_await session.quit();
    watch_.on_step("quit", failure, {});
    co_return std::nullopt;
  }

  void conclude(const Failure& failure) {
    auto finding = explain_to_administrator(failure, *decision_.rule);
    report_.verdict = std::move(finding.verdict);
    report_.mend = std::move(finding.mend);
  }

  std::shared_ptr<const policy::PolicySet> set_;
  const policy::Decision& decision_;
  Watch watch_;
  OutboundContext context_;
  ProbeReport& report_;
};

// Why there is nothing to probe.
Finding nothing_to_probe(const policy::Decision& decision) {
  if (decision.kind == policy::Decision::Kind::refuse_form)
    return {"mail for it is refused: " + decision.reason,
            "give a domain as it stands behind the @ of an address"};
  if (decision.rule != nullptr)
    return {"no rule asks for anything: its entry has level none, so its mail goes the way of any other",
            "smtpseal domain add " + decision.domain + " seal account=ACCOUNT"};
  return {"domain is not listed: its mail goes the way of any other",
          "smtpseal domain add " + decision.domain + " seal account=ACCOUNT"};
}

}  // namespace

Finding explain_to_administrator(const Failure& failure, const policy::DomainRule& rule) {
  const std::string account = "'" + rule.account + "'";
  switch (failure.reason) {
    case Reason::login_refused:
      return {"wrong password, or an account that may not log on there: " + failure.text,
              "smtpseal credential set " + account +
                  "; the account is on hold now, which a new password or smtpseal holds lift " + account +
                  " ends"};
    case Reason::login_unanswered:
      return {"the login got no verdict: " + failure.text,
              "the account is on hold for a while: smtpseal holds"};
    case Reason::held:
      return {failure.text, "mend the cause, then smtpseal holds lift " + account};
    case Reason::no_credential:
      return {failure.text, "smtpseal credential set " + account};
    case Reason::too_weak:
      return {"too weak: " + failure.text,
              "let the other side grant more; or lower strength= in the rule, which weakens the protection"};
    case Reason::auth_not_offered:
      return {failure.text,
              "compare with what the host offers to others; something in between may change what passes"};
    case Reason::tls:
      return {failure.text, "see the host's certificate and the rule's tls="};
    case Reason::dns:
      return {"no host to deliver to: " + failure.text, "see its MX records, or name a host with nexthop="};
    case Reason::connect:
      return {"no host of it can be reached: " + failure.text, "see routes and firewalls"};
    case Reason::greeting:
    case Reason::lost:
    case Reason::seal_broken:
    case Reason::out_of_step:
      break;
  }
  return {failure.text, {}};
}

Task<SocketmapReply> Prober::answer(postfix::SocketmapRequest request, std::string log_id) {
  const auto asked = control::parse_probe_request(request.key);
  if (!asked) co_return SocketmapReply{SocketmapStatus::perm, "expected \"probe SECONDS DOMAIN\""};
  if (is_busy_) co_return SocketmapReply{SocketmapStatus::temp, "another probe is under way; one at a time"};
  auto set = context_.policy.current();
  if (!set)
    co_return SocketmapReply{SocketmapStatus::temp,
                             "the tables of smtpseal-relay are not usable; smtpseal check"};
  const Flag busy(is_busy_);
  const auto decision = policy::decide(*set, "postmaster@" + asked->domain);
  ProbeReport report;
  report.domain = decision.domain.empty() ? asked->domain : decision.domain;
  if (decision.rule != nullptr) report.rule = decision.rule->origin.text();
  if (decision.kind != policy::Decision::Kind::secure) {
    auto finding = nothing_to_probe(decision);
    report.verdict = std::move(finding.verdict);
    report.mend = std::move(finding.mend);
  } else {
    Probe probe(context_, set, decision, Seconds(asked->seconds), report);
    co_await probe.run(log_id);
  }
  log::info("probe")
      .field("id", log_id)
      .field("domain", report.domain)
      .field("stands", report.stands ? "yes" : "no")
      .field("verdict", report.verdict);
  co_return SocketmapReply{SocketmapStatus::ok, control::format_probe(report)};
}

}  // namespace smtpseal::relay
