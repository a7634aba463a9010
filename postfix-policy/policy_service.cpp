#include "policy_service.hpp"

#include "smtpseal/log/log.hpp"
#include "smtpseal/session/mta_view.hpp"
#include "smtpseal/status/session_lookup.hpp"

namespace smtpseal::policyd {

using daemon::Seconds;
using daemon::Task;
using postfix::PolicyRequest;
using postfix::SocketmapStatus;
using Kind = policy::InboundVerdict::Kind;

namespace {

constexpr Seconds kWriteTimeout{30};
constexpr const char* kNoOpinion = "DUNNO";

std::optional<daemon::SocketmapClient> relay_client(const config::Values& values) {
  const auto& endpoint = values.text("inbound.relay_query");
  if (endpoint.empty()) return std::nullopt;
  return daemon::SocketmapClient(endpoint, Seconds(values.number("inbound.relay_timeout")));
}

session::MtaView view_of(const PolicyRequest& request) {
  const auto text = [&](std::string_view name) { return std::string(request.get(name)); };
  // Postfix installs no security layer (SASL_README), so there is nothing to say of its strength.
  return {text("sasl_method"),         text("sasl_username"),     {},
          text("encryption_protocol"), text("encryption_cipher"), text("encryption_keysize")};
}

// An account of ours that may not relay: Postfix itself knows which recipients are foreign. The relay tells
// smtpd the account by XCLIENT; our SASL mechanism logs on by NTLM. Who else is called so is somebody else.
bool may_not_relay(const policy::PolicySet& set, const PolicyRequest& request) {
  const auto method = request.get("sasl_method");
  if (method != "XCLIENT" && method != "NTLM") return false;
  session::SessionSecurity claimed;
  claimed.mechanism = "NTLM";
  claimed.account = request.get("sasl_username");
  const auto* account = policy::account_of(set, claimed);
  return account != nullptr && !account->relay;
}

void log_verdict(const PolicyRequest& request, const policy::InboundVerdict& verdict) {
  const char* event = verdict.kind == Kind::report  ? "sender-would-be-refused"
                      : verdict.kind == Kind::defer ? "sender-deferred"
                                                    : "sender-refused";
  log::warning(event)
      .field("client", request.get("client_address"))
      .optional("account", request.get("sasl_username"))
      .field("from", "<" + std::string(request.get("sender")) + ">")
      .optional("domain", verdict.domain)
      .optional("rule", verdict.rule)
      .field("reason", verdict.reason)
      .optional("queue", request.get("queue_id"));
}

policy::InboundVerdict no_address() {
  const std::string reason = "the client's address is not known, and there are rules for networks";
  return {Kind::defer, smtp::Reply(451, "4.7.1", reason), {}, {}, reason};
}

}  // namespace

PolicyService::PolicyService(const config::Values& values, const daemon::PolicyHolder& routing,
                             const daemon::PolicyHolder& judging, const PolicydMetrics& metrics)
    : routing_(routing),
      judging_(judging),
      metrics_(metrics),
      network_rules_(daemon::network_rules(values)),
      exempt_(values),
      relay_(relay_client(values)),
      idle_(values.number("policyd.idle_time")) {}

Task<> PolicyService::serve(daemon::Stream stream) {
  postfix::PolicyRequestReader reader;
  std::string input;
  std::string output;
  for (;;) {
    input.clear();
    output.clear();
    if (!co_await stream.read(input, idle_)) co_return;
    for (std::string_view rest = input; !rest.empty();) {
      std::size_t consumed = 0;
      const auto request = reader.feed(rest, consumed);
      rest.remove_prefix(consumed);
      if (!request) {
        log::warning("bad-request").field("reason", request.error().message());
        co_return;
      }
      if (*request == nullptr) continue;
      const auto action = co_await decide(**request);
      metrics_.requests(action.answer).Increment();
      if (action.answer == PolicyAnswer::unanswered) co_return;
      output += postfix::format_policy_reply(action.text);
    }
    if (!output.empty() && !co_await stream.write(output, kWriteTimeout)) co_return;
  }
}

Task<PolicyService::Action> PolicyService::decide(const PolicyRequest& request) {
  const auto state = request.get("protocol_state");
  if (state != "RCPT" && state != "MAIL") co_return Action{PolicyAnswer::pass, kNoOpinion};
  const auto routing = routing_.current();
  const auto judging = judging_.current();
  if (!routing || !judging) {
    log::error("no-answer").field("reason", routing ? judging_.first_problem() : routing_.first_problem());
    co_return Action{PolicyAnswer::unanswered, {}};
  }
  const auto verdict = co_await judge_client(*judging, request);
  if (!verdict.is_pass()) log_verdict(request, verdict);
  if (verdict.kind == Kind::refuse) co_return Action{PolicyAnswer::refuse, verdict.reply.one_line()};
  if (verdict.kind == Kind::defer) co_return Action{PolicyAnswer::defer, verdict.reply.one_line()};
  const auto passed = verdict.kind == Kind::report ? PolicyAnswer::report : PolicyAnswer::pass;
  if (state == "MAIL") co_return Action{passed, kNoOpinion};
  if (may_not_relay(*judging, request))
    co_return Action{PolicyAnswer::no_relaying, "reject_unauth_destination"};
  std::string text = co_await judge_recipient(*routing, request.get("recipient"));
  const auto answer = text == kNoOpinion      ? passed
                      : text.starts_with('5') ? PolicyAnswer::refuse
                                              : PolicyAnswer::defer;
  co_return Action{answer, std::move(text)};
}

policy::InboundVerdict PolicyService::judge(const policy::PolicySet& set, const PolicyRequest& request,
                                            const session::SessionSecurity& security) const {
  if (!network_rules_.empty()) {
    const auto client = policy::parse_ip(request.get("client_address"));
    if (!client) return no_address();
    auto verdict = policy::judge_network(network_rules_, security, *client);
    if (!verdict.is_pass()) return verdict;
  }
  return policy::judge_sender(set, security, request.get("sender"));
}

// The relay is asked only where what Postfix knows does not suffice: the relay judges its own sessions by the
// same rules, so what passes without a seal passes with one.
Task<policy::InboundVerdict> PolicyService::judge_client(const policy::PolicySet& set,
                                                         const PolicyRequest& request) {
  auto verdict = judge(set, request, session::security_of(view_of(request)));
  if (verdict.is_pass()) co_return verdict;
  const auto known = co_await ask_relay(request);
  if (known) co_return judge(set, request, *known);
  if (exempt_.contains(request.get("client_address"))) co_return policy::InboundVerdict();
  co_return verdict;
}

Task<Result<postfix::SocketmapReply>> PolicyService::ask(std::string map, std::string key) {
  postfix::SocketmapRequest question{std::move(map), std::move(key)};
  auto answer = co_await relay_->ask(std::move(question));
  if (!answer && unreachable_.is_due())
    log::warning("relay-unreachable")
        .field("parameter", "inbound.relay_query")
        .field("reason", answer.error().message());
  co_return answer;
}

// Nothing where the session did not come through the relay.
Task<std::optional<session::SessionSecurity>> PolicyService::ask_relay(const PolicyRequest& request) {
  if (!relay_) co_return std::nullopt;
  const status::End client{request.get("client_address"), request.get("client_port")};
  const status::End server{request.get("server_address"), request.get("server_port")};
  const auto key = status::session_key(client, server);
  if (!key) co_return status::unknown_because("the mail server does not tell both ends of the connection");
  const auto answer = co_await ask("session", *key);
  co_return status::session_from(answer);
}

Task<std::string> PolicyService::judge_recipient(const policy::PolicySet& set, std::string_view recipient) {
  const auto decision = policy::decide(set, recipient);
  if (decision.kind == policy::Decision::Kind::not_listed) co_return kNoOpinion;
  if (decision.kind == policy::Decision::Kind::refuse_form)
    co_return "550 5.1.3 the address names a listed domain in its local part";
  if (!relay_) co_return kNoOpinion;
  const auto answer = co_await ask("delivery", std::string(recipient));
  if (answer && answer->status == SocketmapStatus::ok) co_return kNoOpinion;
  // Strangers may see it: no file names, no accounts. The log has them.
  const std::string where = decision.domain + " (rule " + decision.rule->pattern + "): ";
  std::string action;
  if (!answer)
    action = "451 4.4.1 " + where + "smtpseal-relay does not answer";
  else if (answer->status == SocketmapStatus::notfound)
    action = "451 4.3.5 " + where + "smtpseal-relay has other tables; reload both daemons";
  else
    action = answer->text;
  log::warning("recipient-deferred")
      .field("to", "<" + std::string(recipient) + ">")
      .field("rule", decision.rule->origin.text())
      .field("reply", action);
  co_return action;
}

}  // namespace smtpseal::policyd
