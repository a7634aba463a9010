#include "outbound/credential_gate.hpp"

#include <ctime>

#include "smtpseal/log/log.hpp"
#include "smtpseal/policy/table_text.hpp"
#include "smtpseal/time_text.hpp"

namespace smtpseal::relay {

using daemon::Clock;
using daemon::Seconds;
using daemon::Task;
using holds::Hold;
using holds::Kind;
using policy::folded_account;

namespace {

// "; mx.partner.example[192.0.2.10]: 535 5.7.3 ..."
std::string said(const Hold& hold) {
  return hold.peer + ": " + hold.reason;
}

CredentialGate::Denial to_denial(const Hold& hold, CredentialGate::Time now) {
  using Why = CredentialGate::Denial::Why;
  const Seconds left(hold.until - now);
  const std::string until = utc_time_text(hold.until);
  if (hold.kind == Kind::refused)
    return {Why::refused, left,
            "credential of account " + hold.account +
                " is on hold after a refused login; set it anew, or wait until " + until + " (" + said(hold) +
                ")"};
  return {Why::unanswered, left,
          "account " + hold.account + " is on hold until " + until + " after a login without a verdict (" +
              said(hold) + ")"};
}

void log_held(const Hold& hold) {
  log::warning("credential-held")
      .field("account", hold.account)
      .field("after", holds::name(hold.kind))
      .field("peer", hold.peer)
      .field("rule", hold.rule)
      .field("until", utc_time_text(hold.until))
      .field("reason", hold.reason);
}

}  // namespace

CredentialGate::Time CredentialGate::system_time() {
  return std::time(nullptr);
}

CredentialGate::CredentialGate(daemon::asio::io_context& io, const crypto::Engine& engine,
                               const Settings& settings, std::function<Time()> now)
    : io_(io),
      now_(std::move(now)),
      table_(engine, {settings.hold_time.count(), settings.retry_time.count()}) {
  if (!settings.state_directory.empty()) file_.emplace(settings.state_directory);
}

void CredentialGate::prepare(const std::string& user) const {
  if (!file_) return;
  const auto made = file_->make_directory(user);
  if (!made)
    log::error("state-directory-not-made")
        .field("file", file_->path())
        .field("reason", made.error().message());
}

void CredentialGate::open() {
  if (!file_) return;
  auto content = file_->read();
  if (content.holds) {
    table_.restore(std::move(*content.holds), now_());
    for (const auto& hold : list()) log_held(hold);
  } else if (!content.missing) {
    log::warning("holds-not-read")
        .field("file", file_->path())
        .field("reason", content.problem)
        .field("in_use", "none: an account that was on hold is tried once more");
  }
  save();  // so that a directory that cannot be written to is known from the start
}

void CredentialGate::adopt(const policy::Credentials& credentials) {
  const auto ended = table_.adopt(credentials, now_());
  for (const auto& account : ended)
    log::info("credential-released").field("account", account).field("reason", "its secret has changed");
  save();
}

Task<CredentialGate::Admission> CredentialGate::enter(const policy::Credential& credential, std::string peer,
                                                      std::string rule) {
  Turn& turn = turns_[folded_account(credential.account)];
  while (turn.busy) {
    if (!turn.freed) turn.freed = std::make_unique<daemon::asio::steady_timer>(io_, Clock::time_point::max());
    co_await turn.freed->async_wait(daemon::kAwait);
  }
  Admission admission;
  admission.denial = held(credential);
  if (admission.denial) co_return std::move(admission);
  HoldTable::Login login{credential, std::move(peer), std::move(rule)};
  if (table_.begin(login, now_())) save();
  admission.ticket = std::make_unique<Ticket>(*this, std::move(login));
  turn.busy = true;
  co_return std::move(admission);
}

std::optional<CredentialGate::Denial> CredentialGate::held(const policy::Credential& credential) const {
  if (table_.is_outdated(credential))
    return Denial{Denial::Why::outdated, Seconds(0),
                  "the credential of account " + credential.account + " has changed meanwhile"};
  const Time now = now_();
  const auto* hold = table_.find(credential.account, now);
  return hold == nullptr ? std::nullopt : std::optional(to_denial(*hold, now));
}

CredentialGate::Lifted CredentialGate::lift(std::string_view account) {
  if (!table_.lift(account, now_())) return Lifted::no;
  log::warning("credential-lifted").field("account", account);
  return save() ? Lifted::yes : Lifted::in_memory_only;
}

void CredentialGate::settle(const HoldTable::Login& login, Kind kind, std::string_view reason) {
  // The tables have another secret by now: what became of the old one must not hold the new one.
  if (table_.is_outdated(login.credential)) return;
  const Hold& hold = table_.fail(login, kind, reason, now_());
  save();
  log_held(hold);
}

void CredentialGate::settle_success(const HoldTable::Login& login) {
  if (!table_.is_outdated(login.credential) && table_.succeed(login)) save();
}

void CredentialGate::leave(const std::string& account) {
  Turn& turn = turns_[folded_account(account)];
  turn.busy = false;
  if (turn.freed) turn.freed->cancel();
}

// False where the file does not have it.
bool CredentialGate::save() {
  if (!file_) return true;
  const auto written = file_->write(table_.stored());
  if (!written && not_kept_.is_due())
    log::error("holds-not-kept").field("file", file_->path()).field("reason", written.error().message());
  return written.has_value();
}

CredentialGate::Ticket::~Ticket() {
  try {
    if (!is_settled_) unanswered("the login was abandoned");
  } catch (...) {
    // Out of memory: what was written down when the login began is still there.
  }
  gate_.leave(login_.credential.account);
}

void CredentialGate::Ticket::succeeded() {
  is_settled_ = true;
  gate_.settle_success(login_);
}

void CredentialGate::Ticket::refused(std::string_view reason) {
  is_settled_ = true;
  gate_.settle(login_, Kind::refused, reason);
}

void CredentialGate::Ticket::unanswered(std::string_view reason) {
  is_settled_ = true;
  gate_.settle(login_, Kind::unanswered, reason);
}

}  // namespace smtpseal::relay
