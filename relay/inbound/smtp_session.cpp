#include "inbound/smtp_session.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>

#include "inbound/tls_server.hpp"
#include "smtpseal/log/log.hpp"
#include "smtpseal/ntlm/filetime.hpp"
#include "smtpseal/policy/ntlm_settings.hpp"

namespace smtpseal::relay {

using daemon::Clock;
using daemon::Seconds;
using daemon::Task;
using smtp::Reply;
using smtp::Verb;

namespace {

constexpr std::string_view kContentProblem = "5.6.0";

std::string address_literal(const boost::asio::ip::address& address) {
  return "[" + std::string(address.is_v6() ? "IPv6:" : "") + address.to_string() + "]";
}

// A HELO argument fit to be repeated to smtpd: one word of printable ASCII.
bool is_helo_word(std::string_view text) {
  return !text.empty() && text.size() <= 255 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// Parameters that smtpd may be given: those of keywords that the EHLO reply can contain. AUTH= (RFC 4954
// section 5) is dropped: only smtpd's own trust could give it a meaning.
bool is_known_parameter(const std::string& keyword, bool is_mail) {
  if (is_mail)
    return keyword == "SIZE" || keyword == "BODY" || keyword == "SMTPUTF8" || keyword == "RET" ||
           keyword == "ENVID";
  return keyword == "NOTIFY" || keyword == "ORCPT";
}

// Why a parameter cannot be passed on; empty: all can. Drops AUTH=.
std::string clean_parameters(smtp::Envelope& envelope, bool is_mail) {
  std::erase_if(envelope.parameters,
                [is_mail](const auto& entry) { return is_mail && entry.keyword == "AUTH"; });
  for (const auto& entry : envelope.parameters) {
    if (!is_known_parameter(entry.keyword, is_mail)) return "unsupported parameter " + entry.keyword;
    if (entry.keyword == "BODY" && boost::algorithm::iequals(entry.value, "BINARYMIME"))
      return "unsupported BODY type";
  }
  return {};
}

LoginOutcome outcome_of(const AuthStep& step) {
  if (step.kind == AuthStep::Kind::succeeded) return LoginOutcome::succeeded;
  return step.kind == AuthStep::Kind::failed ? LoginOutcome::refused : LoginOutcome::unfinished;
}

}  // namespace

SmtpSession::SmtpSession(InboundContext& context, daemon::Stream stream, const TcpEndpoint& client,
                         const TcpEndpoint& server, std::string id)
    : context_(context),
      link_(std::move(stream), context.settings.auth_line_limit),
      client_(client),
      server_(server),
      address_(client.address()),
      id_(std::move(id)),
      present_(context.metrics.sessions_open(Direction::inbound)),
      octets_(context.metrics, Direction::inbound) {
  context_.sessions.add(client_, server_, this);
}

SmtpSession::~SmtpSession() {
  context_.sessions.remove(client_, server_, this);
  Backend::end(std::move(backend_));
  const auto had = security();
  octets_.update(had);
  context_.metrics.sessions(Direction::inbound, had.protection).Increment();
  log::info("session-close")
      .field("id", id_)
      .field("client", address_.to_string())
      .optional("account", login_)
      .field("status", session::name(had.protection))
      .field("bits", had.bits)
      .optional("tls", had.tls ? had.tls->version : std::string())
      .field("messages", messages_)
      .field("sealed", had.octets_sealed)
      .field("unsealed", had.octets_unsealed);
}

void SmtpSession::say(int code, std::string status, std::string text) {
  link_.reply(Reply(code, std::move(status), std::move(text)));
}

void SmtpSession::reject(int code, std::string status, std::string text) {
  if (++errors_ >= context_.settings.error_limit) return end_with({421, "4.7.0", "too many errors"});
  say(code, std::move(status), std::move(text));
}

void SmtpSession::end_with(const Reply& reply) {
  link_.reply(reply);
  ended_ = true;
}

Task<> SmtpSession::run() {
  say(220, "", context_.settings.hostname + " ESMTP");
  while (!ended_) {
    const auto line = co_await next_command();
    if (line) {
      co_await handle(*line);
    } else {
      part(line.error());
    }
  }
  co_await link_.flush();
}

Task<Result<std::string_view>> SmtpSession::next_command() {
  if (mail_accepted_) co_return co_await link_.next_line(context_.settings.server_idle_time);
  if (context_.stopping) co_return ErrorCode(daemon::asio::error::operation_aborted);
  context_.idle.insert(this);
  const auto line = co_await link_.next_line(context_.settings.server_idle_time);
  context_.idle.erase(this);
  co_return line;
}

// The last words of a session that goes on no longer. On a half-duplex seal nothing may be said unasked (a
// record may be on its way to us); closing says enough.
void SmtpSession::part(const ErrorCode& why) {
  ended_ = true;
  const auto* layer = link_.stream().layer();
  const bool may_speak = layer == nullptr || !layer->is_half_duplex();
  if (may_speak && why.category() == smtp::category())
    say(500, "5.5.2", why.message() + "; closing the connection");
  else if (may_speak && why == daemon::asio::error::timed_out)
    say(421, "4.4.2", context_.settings.hostname + " timeout exceeded");
  else if (may_speak && why == daemon::asio::error::operation_aborted)
    say(421, "4.3.2", context_.settings.hostname + " is shutting down");
  if (why == daemon::asio::error::eof && !mail_accepted_) return;  // an ordinary end without QUIT
  log_lost(why.message());
}

void SmtpSession::log_lost(const std::string& reason) const {
  log::info("session-lost").field("id", id_).field("client", address_.to_string()).field("reason", reason);
}

Task<> SmtpSession::handle(std::string_view line) {
  const smtp::Command command = smtp::parse_command(line);
  const bool is_auth = command.verb == Verb::auth || command.verb == Verb::xauth;
  if (!is_auth && line.size() + 2 > context_.settings.line_limit)
    co_return reject(500, "5.5.2", "line too long");
  if (in_bdat_ && command.verb != Verb::bdat && command.verb != Verb::rset && command.verb != Verb::quit &&
      command.verb != Verb::noop)
    co_return reject(503, "5.5.1", "BDAT chunks are expected");
  switch (command.verb) {
    case Verb::ehlo:
      co_await on_ehlo(command.argument);
      break;
    case Verb::helo:
      on_helo(command.argument, false);
      break;
    case Verb::starttls:
      co_await on_starttls(command.argument);
      break;
    case Verb::auth:
    case Verb::xauth:
      co_await on_auth(command.argument, smtp::name(command.verb));
      break;
    case Verb::mail:
      co_await on_mail(command.argument);
      break;
    case Verb::rcpt:
      co_await on_rcpt(command.argument);
      break;
    case Verb::data:
      co_await on_data();
      break;
    case Verb::bdat:
      co_await on_bdat(command.argument);
      break;
    case Verb::rset:
      co_await on_rset();
      break;
    case Verb::noop:
      say(250, "2.0.0", "Ok");
      break;
    case Verb::vrfy:
      say(252, "2.0.0", "Send mail to find out");
      break;
    case Verb::quit:
      end_with({221, "2.0.0", "Bye"});
      break;
    default:
      // XCLIENT, XFORWARD, XEXCH50, ETRN, EXPN, HELP and whatever else is not offered ends here.
      reject(500, "5.5.1", "command not recognized");
  }
}

void SmtpSession::on_helo(std::string_view argument, bool esmtp) {
  if (!is_helo_word(argument)) return reject(501, "5.5.4", "syntax: HELO or EHLO hostname");
  drop_backend();
  helo_ = argument;
  esmtp_ = esmtp;
  if (!esmtp) say(250, "", context_.settings.hostname);
}

Task<> SmtpSession::on_ehlo(std::string_view argument) {
  const auto errors = errors_;
  on_helo(argument, true);
  if (errors_ == errors && !ended_) link_.reply(co_await ehlo_reply());
}

// A login without TLS is over before TLS could protect it, and a seal is to be the last layer.
bool SmtpSession::offers_tls() const {
  return context_.tls.is_on() && !is_in_tls() && login_.empty();
}

bool SmtpSession::offers_auth() const {
  const auto set = context_.policy.current();
  if (context_.settings.auth_only_with_tls && !is_in_tls()) return false;
  return login_.empty() && set && !set->accounts.entries().empty();
}

// The keywords we understand out of those smtpd offers, and AUTH. smtpd is asked once, when nobody has spoken
// to it yet.
Task<Reply> SmtpSession::ehlo_reply() {
  if (!context_.smtpd_offers) {
    ClientIdentity client{client_, server_, {}, helo_, true, {}};
    auto opened = co_await Backend::open(context_, std::move(client), id_);
    Backend::end(std::move(opened.backend));
  }
  const smtp::Ehlo offers = context_.smtpd_offers.value_or(smtp::Ehlo());
  const auto* layer = link_.stream().layer();
  Reply reply(250, "", context_.settings.hostname);
  const auto offer = [&reply](bool condition, std::string keyword) {
    if (condition) reply.lines.push_back(std::move(keyword));
  };
  offer(offers.pipelining && (layer == nullptr || !layer->is_half_duplex()), "PIPELINING");
  offer(offers.size, offers.size_limit == 0 ? "SIZE" : "SIZE " + std::to_string(offers.size_limit));
  offer(offers.enhanced_status_codes, "ENHANCEDSTATUSCODES");
  offer(offers.eightbitmime, "8BITMIME");
  offer(offers.dsn, "DSN");
  offer(offers.smtputf8, "SMTPUTF8");
  offer(offers.chunking && context_.settings.stray_line_ends == smtp::StrayLineEnds::refuse, "CHUNKING");
  offer(offers_tls(), "STARTTLS");
  offer(offers_auth(), "AUTH NTLM");
  offer(offers_auth(), "XAUTH NTLM");
  co_return reply;
}

std::optional<Reply> SmtpSession::cannot_start_tls(std::string_view argument) const {
  if (!context_.tls.is_on()) return Reply(500, "5.5.1", "command not recognized");
  if (!argument.empty()) return Reply(501, "5.5.4", "STARTTLS takes no parameters");
  if (is_in_tls()) return Reply(503, "5.5.1", "TLS is there already");
  if (!login_.empty()) return Reply(503, "5.5.1", "STARTTLS must come before AUTH");
  if (mail_accepted_) return Reply(503, "5.5.1", "STARTTLS is not permitted in a mail transaction");
  return std::nullopt;
}

Task<> SmtpSession::on_starttls(std::string_view argument) {
  if (const auto refusal = cannot_start_tls(argument))
    co_return reject(refusal->code, refusal->status, refusal->lines.front());
  // Octets behind the command would be taken for what the client says inside TLS.
  if (!link_.unread().empty()) {
    log_lost("octets in clear behind STARTTLS");
    co_return end_with({503, "5.5.1", "STARTTLS must not be followed by anything before its reply"});
  }
  auto session = context_.tls.make_session();
  if (!session) co_return reject(454, "4.7.0", "TLS is not available now");
  say(220, "2.0.0", "ready to start TLS");
  auto started = co_await link_.flush();
  if (started)
    started = co_await link_.stream().start_tls(std::move(*session), context_.settings.tls_handshake_timeout);
  if (!started) {
    log_lost("TLS handshake failed: " + started.error().message());
    ended_ = true;
    co_return;
  }
  drop_backend();
  helo_.clear();  // learnt before TLS, so worthless now (RFC 3207 section 4.2)
  security_.protection = session::Protection::tls;
  security_.tls = link_.stream().tls()->facts();
  log::info("tls-ok")
      .field("id", id_)
      .field("client", address_.to_string())
      .field("tls", security_.tls->version)
      .field("cipher", security_.tls->cipher);
}

std::optional<Reply> SmtpSession::cannot_auth(std::string_view mechanism) const {
  if (!login_.empty()) return Reply(503, "5.5.1", "already authenticated");
  if (mail_accepted_) return Reply(503, "5.5.1", "AUTH is not permitted in a mail transaction");
  if (helo_.empty()) return Reply(503, "5.5.1", "send EHLO first");
  if (context_.settings.auth_only_with_tls && !is_in_tls())
    return Reply(538, "5.7.11", "encryption is required: STARTTLS first");
  if (!offers_auth()) return Reply(502, "5.5.1", "AUTH is not available");
  if (!boost::algorithm::iequals(mechanism, "NTLM"))
    return Reply(504, "5.5.4", "unrecognized authentication mechanism");
  return std::nullopt;
}

Task<> SmtpSession::on_auth(std::string_view argument, std::string_view verb) {
  const auto blank = argument.find(' ');
  if (const auto refusal = cannot_auth(argument.substr(0, blank)))
    co_return reject(refusal->code, refusal->status, refusal->lines.front());
  if (!context_.limits.may_log_in(address_, Clock::now())) {
    log::warning("auth-limited")
        .field("id", id_)
        .field("client", address_.to_string())
        .field("parameter", "relay.auth_failure_limit_per_address");
    count_login(LoginOutcome::refused);
    co_return end_with({421, "4.7.0", "too many failed logins from your address"});
  }
  const auto set = context_.policy.current();
  const auto policy = std::make_shared<ntlm::ServerPolicy>(
      policy::server_policy(context_.settings.hostname, context_.settings.netbios_domain, set->accounts));
  context_.tls.bind(*policy, *context_.engine, link_.stream().tls());
  AuthExchange auth(context_.engine, set, policy);
  const std::string initial(blank == std::string_view::npos ? std::string_view()
                                                            : argument.substr(blank + 1));
  const AuthStep step = co_await exchange(auth, initial);
  count_login(outcome_of(step));
  if (ended_) co_return;
  if (step.kind == AuthStep::Kind::succeeded) {
    login_set_ = set;
    co_await accept_login(auth, step.reply);
    co_return;
  }
  context_.limits.login_failed(address_, Clock::now());
  log::warning("auth-failed")
      .field("id", id_)
      .field("client", address_.to_string())
      .field("verb", verb)
      .optional("user", auth.claimed())
      .field("reason", step.reason)
      .field("reply", step.reply.one_line());
  link_.reply(step.reply);
  if (++auth_failures_ >= context_.settings.auth_failure_limit)
    end_with({421, "4.7.0", "too many failed logins"});
}

void SmtpSession::count_login(LoginOutcome outcome) const {
  context_.metrics.logins(Direction::inbound, outcome).Increment();
}

// Runs the exchange to its end. Sets ended_ where the connection did not last that long.
Task<AuthStep> SmtpSession::exchange(AuthExchange& auth, std::string_view initial_response) {
  const auto deadline = Clock::now() + context_.settings.server_login_time;
  AuthStep step = auth.begin(initial_response, ntlm::filetime_now());
  while (step.kind == AuthStep::Kind::more) {
    link_.reply(step.reply);
    const auto left = std::max(Seconds(1), std::chrono::ceil<Seconds>(deadline - Clock::now()));
    Result<std::string_view> line = ErrorCode(daemon::asio::error::timed_out);
    if (Clock::now() < deadline) line = co_await link_.next_line(left);
    if (!line) {
      log_lost("during AUTH: " + line.error().message());
      ended_ = true;
      break;
    }
    step = auth.line(*line, ntlm::filetime_now());
  }
  co_return step;
}

Task<> SmtpSession::accept_login(AuthExchange& auth, const Reply& reply) {
  // Octets behind the client's last message were sent before it knew the outcome: in clear, by whoever sits
  // between.
  if (!link_.unread().empty()) {
    log_lost("octets in clear behind the AUTH exchange");
    co_return end_with({503, "5.5.1", "AUTH must not be followed by anything before its reply"});
  }
  const ntlm::Outcome& outcome = auth.outcome();
  link_.reply(reply);
  if (!co_await link_.flush()) {
    ended_ = true;
    co_return;
  }
  drop_backend();
  login_ = auth.account().account;
  login_account_ = &auth.account();
  security_.protection = outcome.sealed ? session::Protection::sealed : session::Protection::authenticated;
  security_.mechanism = "NTLM";
  security_.account = login_;
  security_.response = outcome.response;
  security_.bits = outcome.sealed ? outcome.strength : 0;
  security_.flags = outcome.flags;
  if (outcome.sealed) {
    helo_.clear();  // learnt before the layer, so worthless now (RFC 4954 section 4)
    link_.install(session::SecurityLayer(context_.engine, ntlm::Role::server, outcome, std::nullopt,
                                         context_.settings.layer_limits));
  }
  log::info("auth-ok")
      .field("id", id_)
      .field("client", address_.to_string())
      .field("user", auth.claimed())
      .field("account", login_)
      .field("auth", ntlm::name(outcome.response))
      .field("status", session::name(security_.protection))
      .field("bits", security_.bits)
      .field("flags", ntlm::describe_flags(outcome.flags));
}

session::SessionSecurity SmtpSession::security() const {
  session::SessionSecurity now = security_;
  if (const auto* layer = link_.stream().layer()) {
    now.octets_sealed = layer->octets_sealed();
    now.octets_unsealed = layer->octets_unsealed();
  }
  return now;
}

policy::InboundVerdict SmtpSession::judge(const std::string& sender) const {
  const auto set = context_.policy.current();
  if (!set)
    return {policy::InboundVerdict::Kind::defer,
            Reply(451, "4.3.5", "mail system is misconfigured"),
            {},
            {},
            "no usable tables"};
  const auto now = security();
  const auto client = policy::parse_ip(address_.to_string());
  auto verdict =
      client ? policy::judge_network(context_.network_rules, now, *client) : policy::InboundVerdict();
  return verdict.is_pass() ? policy::judge_sender(*set, now, sender) : verdict;
}

// False: the client has been refused.
bool SmtpSession::may_send(const std::string& sender) {
  const auto verdict = judge(sender);
  context_.metrics.senders(verdict.kind).Increment();
  if (verdict.is_pass()) return true;
  const bool report = verdict.kind == policy::InboundVerdict::Kind::report;
  log::warning(report ? "sender-would-be-refused" : "sender-refused")
      .field("id", id_)
      .field("client", address_.to_string())
      .optional("account", login_)
      .field("from", "<" + sender + ">")
      .optional("domain", verdict.domain)
      .optional("rule", verdict.rule)
      .field("reason", verdict.reason);
  if (!report) reject(verdict.reply.code, verdict.reply.status, verdict.reply.lines.front());
  return report;
}

Task<bool> SmtpSession::open_backend() {
  const std::string helo = helo_.empty() ? address_literal(address_) : helo_;
  // A partner's account is for proving who it is, not for relaying, which smtpd would allow to any LOGIN.
  const bool tell_login =
      context_.settings.login_of_all || (login_account_ != nullptr && login_account_->relay);
  ClientIdentity client{client_, server_, {}, helo, esmtp_, tell_login ? login_ : std::string()};
  auto opened = co_await Backend::open(context_, std::move(client), id_);
  backend_ = std::move(opened.backend);
  if (!opened.refusal) co_return true;
  if (opened.refusal->code == 451)
    link_.reply(*opened.refusal);
  else
    end_with(*opened.refusal);
  co_return false;
}

// smtpd's reply; nothing where the connection to it failed, which the client has been told then.
Task<std::optional<Reply>> SmtpSession::forward(std::string line) {
  const bool is_end = line == ".";
  auto reply = co_await backend_->command(
      std::move(line), is_end ? context_.settings.smtpd_data_done_timeout : context_.settings.smtpd_timeout);
  if (reply && reply->code != 421) co_return std::move(*reply);
  log::warning("smtpd-lost")
      .field("id", id_)
      .field("reason", reply ? reply->one_line() : reply.error().message());
  drop_backend();
  say(451, "4.3.0", "mail system went away, try again");
  co_return std::nullopt;
}

void SmtpSession::drop_backend() {
  Backend::end(std::move(backend_));
  finish_transaction();
}

void SmtpSession::finish_transaction() {
  mail_accepted_ = false;
  recipients_ = 0;
  sender_.clear();
  in_bdat_ = false;
  chunk_guard_ = ChunkGuard();
  chunk_octets_ = 0;
}

Task<> SmtpSession::on_mail(std::string_view argument) {
  const bool is_sealed = security_.protection == session::Protection::sealed;
  if (helo_.empty() && !is_sealed) co_return reject(503, "5.5.1", "send HELO or EHLO first");
  if (mail_accepted_) co_return reject(503, "5.5.1", "nested MAIL command");
  auto mail = smtp::parse_mail(argument);
  if (!mail) co_return reject(501, "5.5.4", mail.error().message());
  if (const auto problem = clean_parameters(*mail, true); !problem.empty())
    co_return reject(555, "5.5.4", problem);
  if (!may_send(mail->path)) co_return;
  if (backend_ && !backend_->is_usable()) drop_backend();  // smtpd has closed it meanwhile
  if (!backend_ && !co_await open_backend()) co_return;
  const auto reply = co_await forward(smtp::format_envelope("MAIL FROM:", *mail));
  if (!reply) co_return;
  mail_accepted_ = reply->is_positive();
  sender_ = mail->path;
  link_.reply(*reply);
}

Task<> SmtpSession::on_rcpt(std::string_view argument) {
  if (!mail_accepted_) co_return reject(503, "5.5.1", "need MAIL command");
  auto rcpt = smtp::parse_rcpt(argument);
  if (!rcpt) co_return reject(501, "5.5.4", rcpt.error().message());
  if (const auto problem = clean_parameters(*rcpt, false); !problem.empty())
    co_return reject(555, "5.5.4", problem);
  const auto reply = co_await forward(smtp::format_envelope("RCPT TO:", *rcpt));
  if (!reply) co_return;
  if (reply->is_positive()) ++recipients_;
  link_.reply(*reply);
}

Task<> SmtpSession::on_rset() {
  if (mail_accepted_) {
    const auto reply = co_await forward("RSET");
    if (!reply) co_return;
  }
  finish_transaction();
  say(250, "2.0.0", "Ok");
}

Task<> SmtpSession::on_data() {
  if (!mail_accepted_ || recipients_ == 0) co_return reject(503, "5.5.1", "no valid recipients");
  const auto go_ahead = co_await forward("DATA");
  if (!go_ahead) co_return;
  link_.reply(*go_ahead);
  if (go_ahead->code != 354) co_return;
  smtp::DataScanner scanner(context_.settings.stray_line_ends, context_.settings.data_line_limit);
  if (!co_await stream_content(scanner)) {
    backend_.reset();  // no end of data: smtpd drops what it has
    ended_ = true;
    co_return;
  }
  if (scanner.is_bad()) {
    const Reply refusal(554, std::string(kContentProblem), scanner.problem());
    end_message(scanner.octets(), refusal);
    finish_transaction();
    co_return reject(refusal.code, refusal.status, refusal.lines.front());
  }
  std::optional<Reply> reply;
  if (backend_)
    reply = co_await forward(".");
  else
    say(451, "4.3.0", "mail system went away, try again");
  if (reply) {
    end_message(scanner.octets(), *reply);
    link_.reply(*reply);
    if (reply->is_positive()) ++messages_;
  }
  finish_transaction();
}

// Content from the client to smtpd, up to the end-of-data mark, which is left to the caller. False: the
// client is gone. When smtpd is gone, or the content is bad, the rest is read and thrown away, so that the
// session stays in step.
Task<bool> SmtpSession::stream_content(smtp::DataScanner& scanner) {
  if (!co_await link_.flush()) co_return false;
  std::string content;
  while (!scanner.is_complete()) {
    if (link_.unread().empty() && !co_await link_.read_more(context_.settings.server_idle_time))
      co_return false;
    content.clear();
    link_.consume(scanner.feed(link_.unread(), content));
    if (scanner.is_bad()) backend_.reset();
    if (backend_ && !content.empty() && !co_await backend_->send(content)) {
      log::warning("smtpd-lost").field("id", id_).field("reason", "while taking content");
      backend_.reset();
    }
  }
  co_return true;
}

Task<> SmtpSession::on_bdat(std::string_view argument) {
  const auto chunk = smtp::parse_bdat(argument);
  // Without a size there is no telling where the next command begins.
  if (!chunk) co_return end_with({501, "5.5.4", "syntax: BDAT size [LAST]; closing the connection"});
  // What smtpd has not offered in this very session could reach it as command lines.
  const bool is_offered = context_.settings.stray_line_ends == smtp::StrayLineEnds::refuse &&
                          (!backend_ || backend_->offers().chunking);
  const bool in_order = mail_accepted_ && recipients_ > 0 && is_offered;
  in_bdat_ = in_order;
  if (!co_await pass_chunk(*chunk)) {
    backend_.reset();
    ended_ = true;
    co_return;
  }
  if (!in_order) co_return reject(503, "5.5.1", "no valid recipients");
  chunk_octets_ += chunk->size;
  const Reply reply = co_await chunk_reply();
  link_.reply(reply);
  if (!chunk->last && reply.is_positive()) co_return;
  if (chunk->last) end_message(chunk_octets_, reply);
  if (chunk->last && reply.is_positive()) ++messages_;
  if (chunk->last || !backend_) finish_transaction();
}

// The command and the octets of one chunk, to smtpd where it is to have them. Nothing that completes a bad
// message is ever sent: the guard has the last word before the last octets of the last chunk. False: the
// client is gone.
Task<bool> SmtpSession::pass_chunk(smtp::BdatArgument chunk) {
  if (!co_await link_.flush()) co_return false;
  if (chunk.last && chunk.size == 0) chunk_guard_.finish();
  if (chunk_guard_.is_bad()) backend_.reset();
  const std::string line = "BDAT " + std::to_string(chunk.size) + (chunk.last ? " LAST\r\n" : "\r\n");
  if (in_bdat_ && backend_ && !co_await backend_->send(line)) backend_.reset();
  while (chunk.size > 0) {
    if (link_.unread().empty() && !co_await link_.read_more(context_.settings.server_idle_time))
      co_return false;
    const auto part = link_.unread().substr(
        0, static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size, link_.unread().size())));
    chunk.size -= part.size();
    chunk_guard_.feed(part);
    if (chunk.last && chunk.size == 0) chunk_guard_.finish();
    if (chunk_guard_.is_bad() && in_bdat_) backend_.reset();
    if (in_bdat_ && backend_ && !co_await backend_->send(part)) backend_.reset();
    link_.consume(part.size());
  }
  co_return true;
}

Task<Reply> SmtpSession::chunk_reply() {
  if (chunk_guard_.is_bad())
    co_return Reply(554, std::string(kContentProblem),
                    "CR or LF outside CRLF in message content (RFC 5321 2.3.8)");
  if (backend_) {
    auto answer = co_await backend_->reply(context_.settings.smtpd_data_done_timeout);
    if (answer && answer->code != 421) co_return std::move(*answer);
    backend_.reset();
  }
  co_return Reply(451, "4.3.0", "mail system went away, try again");
}

void SmtpSession::end_message(std::uint64_t octets, const Reply& reply) {
  octets_.update(security());
  context_.metrics.messages(Direction::inbound, security_.protection, relay::outcome_of(reply)).Increment();
  log_message(octets, reply);
}

void SmtpSession::log_message(std::uint64_t octets, const Reply& reply) const {
  const auto had = security();
  log::info("message")
      .field("id", id_)
      .field("client", address_.to_string())
      .optional("account", login_)
      .field("status", session::name(had.protection))
      .field("bits", had.bits)
      .field("from", "<" + sender_ + ">")
      .field("recipients", recipients_)
      .field("octets", octets)
      .field("reply", reply.one_line());
}

}  // namespace smtpseal::relay
