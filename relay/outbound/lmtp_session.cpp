#include "outbound/lmtp_session.hpp"

#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/split.hpp>

#include "smtpseal/log/log.hpp"

namespace smtpseal::relay {

using daemon::Task;
using smtp::Verb;

namespace {

constexpr daemon::Seconds kCommandTimeout{
    300};  // RFC 5321 4.5.3.2.7; Postfix closes idle connections after 2 s

}  // namespace

LmtpSession::LmtpSession(OutboundContext& context, daemon::Stream stream, bool seven_bit, std::string id)
    : context_(context),
      link_(std::move(stream), context.settings.line_limit),
      seven_bit_(seven_bit),
      id_(std::move(id)) {}

void LmtpSession::say(int code, std::string status, std::string text) {
  link_.reply(smtp::Reply(code, std::move(status), std::move(text)));
}

Task<> LmtpSession::run() {
  say(220, "", context_.settings.hostname + " LMTP smtpseal-relay");
  while (!ended_) {
    const auto line = co_await next_line();
    if (!line) {
      if (line.error().category() == smtp::category()) {
        say(500, "5.5.2", "Error: " + line.error().message());
        co_await link_.flush();
      }
      break;
    }
    co_await handle(*line);
  }
  co_await link_.flush();
}

// At the daemon's end an idle session is closed without a word: lmtp(8), which keeps it for its next message,
// finds that out before it uses it.
Task<Result<std::string_view>> LmtpSession::next_line() {
  if (transaction_) co_return co_await link_.next_line(kCommandTimeout);
  if (must_end()) co_return ErrorCode(daemon::asio::error::operation_aborted);
  context_.idle.insert(this);
  const auto line = co_await link_.next_line(kCommandTimeout);
  context_.idle.erase(this);
  co_return line;
}

Task<> LmtpSession::handle(std::string_view line) {
  const smtp::Command command = smtp::parse_command(line);
  switch (command.verb) {
    case Verb::lhlo:
      co_return on_lhlo(command.argument);
    case Verb::mail:
      co_return on_mail(command.argument);
    case Verb::rcpt:
      co_await on_rcpt(command.argument);
      co_return;
    case Verb::data:
      co_await on_data();
      co_return;
    case Verb::rset:
      co_return on_rset();
    case Verb::noop:
      co_return say(250, "2.0.0", "Ok");
    case Verb::vrfy:
      co_return say(252, "2.0.0", "Send mail to find out");
    case Verb::quit:
      ended_ = true;
      co_return say(221, "2.0.0", "Bye");
    case Verb::xforward:
      co_return on_xforward(command.argument);
    default:
      co_return say(500, "5.5.1", "Error: command not recognized");
  }
}

void LmtpSession::on_lhlo(std::string_view argument) {
  helo_ = argument;
  transaction_.reset();
  smtp::Reply reply(250, "", context_.settings.hostname);
  const auto limit = context_.settings.message_size_limit;
  reply.lines.insert(reply.lines.end(), {"PIPELINING", "ENHANCEDSTATUSCODES", "DSN",
                                         limit == 0 ? std::string("SIZE") : "SIZE " + std::to_string(limit),
                                         "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"});
  if (!seven_bit_) reply.lines.insert(reply.lines.end(), {"8BITMIME", "SMTPUTF8"});
  link_.reply(reply);
}

void LmtpSession::on_mail(std::string_view argument) {
  if (transaction_) return say(503, "5.5.1", "Error: nested MAIL command");
  auto mail = smtp::parse_mail(argument);
  if (!mail) return say(501, "5.5.4", "Error: " + mail.error().message());
  transaction_ = std::make_unique<Transaction>(context_, std::move(*mail), helo_,
                                               id_ + "." + std::to_string(++transactions_), queue_id_);
  say(250, "2.1.0", "Ok");
}

Task<> LmtpSession::on_rcpt(std::string_view argument) {
  if (!transaction_) co_return say(503, "5.5.1", "Error: need MAIL command");
  const auto rcpt = smtp::parse_rcpt(argument);
  if (!rcpt) co_return say(501, "5.5.4", "Error: " + rcpt.error().message());
  link_.reply(co_await transaction_->add_recipient(*rcpt));
}

void LmtpSession::on_rset() {
  const bool had_transaction = transaction_ != nullptr;
  transaction_.reset();
  if (!had_transaction || !must_end()) return say(250, "2.0.0", "Ok");
  ended_ = true;
  say(421, "4.3.2", "smtpseal-relay is shutting down");
}

Task<> LmtpSession::on_data() {
  if (!transaction_ || transaction_->recipients() == 0)
    co_return say(503, "5.5.1", "Error: no valid recipients");
  const auto done = co_await transaction_->data(link_);
  transaction_.reset();
  queue_id_.clear();
  if (done) co_return;
  log::warning("lmtp-lost").field("id", id_).field("reason", done.error().message());
  ended_ = true;
}

// Postfix's lmtp(8) says here which queue file it is working on (XFORWARD_README).
void LmtpSession::on_xforward(std::string_view argument) {
  std::vector<std::string> words;
  boost::algorithm::split(words, argument, boost::algorithm::is_space(), boost::algorithm::token_compress_on);
  for (const auto& word : words) {
    if (!boost::algorithm::istarts_with(word, "IDENT=")) continue;
    if (const auto ident = smtp::from_xtext(word.substr(6))) queue_id_ = *ident;
  }
  say(250, "2.0.0", "Ok");
}

}  // namespace smtpseal::relay
