#include "outbound/leg.hpp"

#include <ctime>

#include "outbound/esmtp.hpp"
#include "outbound/hop_pool.hpp"
#include "outbound/received.hpp"
#include "outbound/tls_client.hpp"

namespace smtpseal::relay {

using daemon::Task;

namespace {

// A reply that may end a command other than DATA.
bool is_answer(const smtp::Reply& reply) {
  return reply.is_positive() || reply.is_temporary() || reply.is_permanent();
}

}  // namespace

Leg::Leg(OutboundContext& context, std::shared_ptr<const policy::PolicySet> set, policy::Decision decision,
         std::string log_id)
    : context_(context),
      set_(std::move(set)),
      decision_(std::move(decision)),
      credential_(set_->credentials.find(decision_.rule->account)),
      log_id_(std::move(log_id)) {}

Leg::~Leg() {
  if (outcome_) context_.metrics.messages(Direction::outbound, protection_, *outcome_).Increment();
  // Cut short in the middle of content, the connection must end without an end-of-data mark.
  if (session_ && !in_data_) context_.pool.give_back(std::move(session_));
}

void Leg::fail(const ErrorCode& error) {
  fail_for(session_->explain(error));
  session_.reset();
}

void Leg::fail_for(const Failure& failure) {
  context_.metrics.hop_failures(failure.reason).Increment();
  fail(to_reply(failure, decision_));
}

void Leg::fail(smtp::Reply reply) {
  outcome_ = outcome_of(reply);
  failure_ = std::move(reply);
}

// What the next hop said instead of going on. Only 4xx and 5xx may be passed on as a refusal: a peer that is
// out of step must never make a 2xx of a message it did not get.
void Leg::take_refusal(const smtp::Reply& reply) {
  if (reply.is_temporary() || reply.is_permanent()) return fail(reply);
  context_.metrics.hop_failures(Failure::Reason::out_of_step).Increment();
  fail(smtp::Reply(451, "4.5.0", session_->peer() + " is out of step: " + reply.one_line()));
  session_.reset();
}

void Leg::abort(smtp::Reply why) {
  if (!failure_) fail(std::move(why));
  session_.reset();
}

HopPlan Leg::plan() const {
  const std::string& ca_file = decision_.rule->tls.ca_file;
  if (ca_file.empty()) return {decision_, credential_, context_.tls.authorities()};
  const auto loaded = set_->authorities.find(ca_file);
  // Null lets no certificate pass.
  return {decision_, credential_, loaded == set_->authorities.end() ? nullptr : loaded->second};
}

Task<bool> Leg::open_session() {
  const HopPlan how = plan();
  auto opened = co_await HopSession::open(context_, how, log_id_);
  session_ = std::move(opened.session);
  if (opened.failure) fail_for(*opened.failure);
  co_return session_ != nullptr;
}

// nullopt: the message cannot go there as it is; the leg has failed and the session is as it was.
Task<std::optional<Result<smtp::Reply>>> Leg::say_mail(const smtp::Envelope& mail) {
  const Fitted fitted = fit_mail(mail, session_->offers(), session_->peer(), decision_.rule->origin.text());
  if (fitted.refusal) {
    fail(*fitted.refusal);
    co_return std::nullopt;
  }
  co_return co_await session_->command(smtp::format_envelope("MAIL FROM:", fitted.envelope),
                                       context_.settings.command_timeout);
}

Task<bool> Leg::start_transaction(const smtp::Envelope& mail) {
  started_ = true;
  began_ = daemon::Clock::now();
  if (credential_ == nullptr && decision_.rule->level >= policy::Level::auth) {
    fail_for({Failure::Kind::protection, Failure::Reason::no_credential, "3.5",
              "no credential for account " + decision_.rule->account});
    co_return false;
  }
  session_ = context_.pool.take(hop_key(plan()));
  const bool reused = session_ != nullptr;
  if (!reused && !co_await open_session()) co_return false;
  auto answer = co_await say_mail(mail);
  if (reused && answer && (!*answer || (*answer)->code == 421)) {
    // The next hop closed the idle session meanwhile. It has taken nothing yet, so a fresh one may be tried.
    session_.reset();
    if (!co_await open_session()) co_return false;
    answer = co_await say_mail(mail);
  }
  if (!answer) co_return false;
  if (!*answer) {
    fail(answer->error());
    co_return false;
  }
  protection_ = session_->security().protection;
  session_->in_transaction = (*answer)->is_positive();
  if (!session_->in_transaction) take_refusal(**answer);
  co_return !failure_;
}

Task<smtp::Reply> Leg::add(const smtp::Envelope& mail, const smtp::Envelope& rcpt, bool& relayed_notice) {
  relayed_notice = false;
  if (!started_ && !co_await start_transaction(mail)) co_return *failure_;
  if (failure_) co_return *failure_;
  const Fitted fitted = fit_rcpt(rcpt, session_->offers());
  if (fitted.relayed_notice && context_.settings.notify_submission.empty())
    co_return smtp::Reply(
        451, "4.7.1",
        session_->peer() + " does not do DSN, and relay.notify_submission is not set to tell the sender");
  auto answer = co_await session_->command(smtp::format_envelope("RCPT TO:", fitted.envelope),
                                           context_.settings.command_timeout);
  if (!answer) {
    fail(answer.error());
    co_return *failure_;
  }
  if (!is_answer(*answer)) {
    take_refusal(*answer);
    co_return *failure_;
  }
  if (recipients_ == 0) outcome_ = outcome_of(*answer);
  if (answer->is_positive()) {
    ++recipients_;
    outcome_.reset();
    relayed_notice = fitted.relayed_notice;
  }
  co_return std::move(*answer);
}

Task<bool> Leg::begin_data(const std::string& client_helo, const std::string& hostname) {
  const auto answer = co_await session_->command("DATA", context_.settings.data_init_timeout);
  if (!answer) {
    fail(answer.error());
    co_return false;
  }
  if (answer->code != 354) {
    take_refusal(*answer);
    co_return false;
  }
  in_data_ = true;
  const ReceivedFacts facts{
      client_helo,         hostname, log_id_, session_->peer(), session_->security(), std::time(nullptr),
      session_->verified()};
  const std::string received = received_line(facts);
  co_await write(received);
  co_return !failure_;
}

Task<> Leg::write(std::string_view content) {
  if (failure_) co_return;
  const auto sent = co_await session_->send(content, context_.settings.data_block_timeout);
  if (!sent) fail(sent.error());
}

Task<> Leg::send_end() {
  co_await write(".\r\n");
}

Task<smtp::Reply> Leg::result() {
  if (failure_) co_return *failure_;
  auto answer = co_await session_->reply(context_.settings.data_done_timeout);
  if (!answer) {
    fail(answer.error());
    // The next hop may have taken the message: Postfix must keep it all the same, at the price of a
    // duplicate.
    failure_->lines.front() += " after the end of the message, so it may arrive twice";
    co_return *failure_;
  }
  if (!is_answer(*answer)) {
    take_refusal(*answer);
    co_return *failure_;
  }
  in_data_ = false;
  session_->end_message();
  outcome_ = outcome_of(*answer);
  const std::chrono::duration<double> took = daemon::Clock::now() - began_;
  context_.metrics.delivery_seconds.Observe(took.count());
  co_return std::move(*answer);
}

}  // namespace smtpseal::relay
