#include "session.hpp"

#include <utility>

#include "smtpseal/status/authentication_results.hpp"

namespace smtpseal::milter {
namespace {

using policy::InboundVerdict;
using Kind = InboundVerdict::Kind;

InboundVerdict verdict(Kind kind, int code, std::string status, std::string reason) {
  smtp::Reply reply(code, std::move(status), reason);
  return {kind, std::move(reply), {}, {}, std::move(reason)};
}

bool stops(const InboundVerdict& verdict) {
  return verdict.kind == Kind::refuse || verdict.kind == Kind::defer;
}

std::string_view without_brackets(std::string_view sender) {
  if (sender.size() >= 2 && sender.front() == '<' && sender.back() == '>')
    return sender.substr(1, sender.size() - 2);
  return sender;
}

}  // namespace

void Session::begin(Peer peer) {
  reset();
  peer_ = std::move(peer);
}

InboundVerdict Session::on_mail(std::shared_ptr<const policy::PolicySet> set, std::string_view sender,
                                session::MtaView view) {
  reset();
  Facts facts = find_facts(ask_, peer_, view);
  message_.emplace(Message{std::move(set), std::string(without_brackets(sender)), std::move(view),
                           std::move(facts), ForgedFields()});
  return judge(*message_, message_->facts);
}

void Session::on_header(std::string_view name, std::string_view value) {
  if (message_) message_->forged.add(name, value, settings_.authserv_id);
}

Ending Session::on_end() {
  const auto message = std::exchange(message_, std::nullopt);
  Ending ending;
  if (!message) {
    ending.verdict = verdict(Kind::defer, 451, "4.3.0", "end of a message that has not begun");
    return ending;
  }
  Facts facts = find_facts_again(message->facts, ask_, peer_, message->view);
  ending.verdict = judge(*message, facts);
  if (!stops(ending.verdict) && !message->forged.is_harmless()) ending.verdict = refuse_fields(*message);
  ending.security = std::move(facts.security);
  if (stops(ending.verdict)) return ending;
  ending.removals = message->forged.removals();
  ending.insertions = stamps(ending);
  return ending;
}

InboundVerdict Session::refuse_fields(const Message& message) const {
  if (message.forged.has_stray_line_end())
    return verdict(Kind::refuse, 550, "5.6.0", "CR or LF outside CRLF in a header field (RFC 5321 2.3.8)");
  return verdict(Kind::refuse, 550, "5.7.1",
                 "more than " + std::to_string(ForgedFields::kMost) + " header fields pretend to come from " +
                     settings_.authserv_id + ", too many to remove");
}

// What came through the relay is judged whatever its address, and so is what might have come through it.
InboundVerdict Session::judge(const Message& message, const Facts& facts) const {
  if (!message.set)
    return verdict(Kind::defer, 451, "4.3.5", "the tables of smtpseal are not usable: see its log");
  if (peer_.is_local_submission()) return {};
  if (facts.source == Facts::Source::mail_server && settings_.exempt.contains(peer_.address)) return {};
  return policy::judge_sender(*message.set, facts.security, message.sender);
}

std::vector<Ending::Field> Session::stamps(const Ending& ending) const {
  const status::Status status{ending.security, settings_.authserv_id,
                              ending.verdict.kind == Kind::report ? ending.verdict.reason : std::string()};
  const auto field = [](std::string_view name, const std::string& value) {
    return Ending::Field{name, status::fold(value, name.size())};
  };
  return {field(status::kResultsHeader,
                status::format_results(settings_.authserv_id, ending.security, settings_.show_account)),
          field(status::kStatusHeader, status::format_status(status, settings_.show_account))};
}

}  // namespace smtpseal::milter
