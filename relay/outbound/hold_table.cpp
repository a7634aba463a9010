#include "outbound/hold_table.hpp"

#include <algorithm>
#include <limits>

#include "smtpseal/plain_text.hpp"
#include "smtpseal/policy/table_text.hpp"

namespace smtpseal::relay {

using holds::Hold;
using holds::Kind;
using policy::folded_account;

namespace {

// From the second failure in a row on, whatever the parameters say: four logins within half an hour at the
// most, where accounts are locked for five or more.
constexpr HoldTable::Time kLeastAgain = 900;  // seconds

}  // namespace

void HoldTable::restore(std::vector<holds::StoredHold> stored, Time now) {
  for (auto& each : stored) {
    Hold& hold = each.hold;
    if (hold.kind == Kind::begun) {
      hold.kind = Kind::unanswered;
      hold.reason = "smtpseal-relay ended before the answer";
      hold.until = hold.since + length_of(hold.kind, ++hold.failures);
    }
    // hold_time may be shorter now, and the clock may have been wrong, then or now.
    hold.since = std::min(hold.since, now);
    hold.until = std::min(hold.until, now + length_of(Kind::refused, hold.failures));
    const std::string key = folded_account(hold.account);
    entries_[key] = Entry{std::move(each), std::nullopt};
  }
}

std::vector<std::string> HoldTable::adopt(const policy::Credentials& credentials, Time now) {
  current_.emplace();
  for (const auto& each : credentials.entries())
    current_->emplace(folded_account(each.account), each.secret.generation);
  std::vector<std::string> ended;
  for (auto each = entries_.begin(); each != entries_.end();) {
    const Hold& hold = each->second.stored.hold;
    const bool is_in_the_way = find(each->first, now) != nullptr;
    const auto* credential = credentials.find(hold.account);
    if (credential != nullptr ? is_about(each->second, *credential)
                              : is_in_the_way || hold.kind == Kind::begun) {
      ++each;
      continue;
    }
    if (is_in_the_way) ended.push_back(hold.account);
    each = entries_.erase(each);
  }
  return ended;
}

// The slow comparison is made once for each secret that an account with an entry gets, and finds out too that
// only the LM hash was added.
bool HoldTable::is_about(Entry& entry, const policy::Credential& credential) const {
  if (entry.generation == credential.secret.generation) return true;
  auto& secret = entry.stored.secret;
  // A login of an earlier process, which had no time for a mark: most likely with the secret there is now.
  const bool is_left_over = !secret && !entry.generation;
  if (is_left_over) secret = holds::SecretMark::make(engine_, credential.secret.nt_hash);
  if (!is_left_over && (!secret || !secret->matches(engine_, credential.secret.nt_hash))) return false;
  entry.generation = credential.secret.generation;
  return true;
}

const Hold* HoldTable::find(std::string_view account, Time now) const {
  const auto found = entries_.find(folded_account(account));
  if (found == entries_.end()) return nullptr;
  const Hold& hold = found->second.stored.hold;
  return hold.kind != Kind::begun && now < hold.until ? &hold : nullptr;
}

bool HoldTable::is_outdated(const policy::Credential& credential) const {
  if (!current_) return false;
  const auto found = current_->find(folded_account(credential.account));
  return found == current_->end() || found->second != credential.secret.generation;
}

HoldTable::Time HoldTable::length_of(Kind kind, std::uint64_t failures) const {
  Time time = limits_.hold_time;
  if (kind != Kind::refused) {
    time = limits_.retry_time;
    for (auto left = failures; left > 1 && time < limits_.hold_time; --left) time *= 2;
    time = std::min(time, limits_.hold_time);
  }
  return failures > 1 ? std::max(time, kLeastAgain) : time;
}

// The account's entry with all but its end anew. What was counted and marked for the same secret stays.
HoldTable::Entry& HoldTable::renew(const Login& login, Kind kind, std::string_view reason, Time now) {
  Entry& entry = entries_[folded_account(login.credential.account)];
  if (entry.generation != login.credential.secret.generation) entry = Entry{};
  entry.generation = login.credential.secret.generation;
  Hold& hold = entry.stored.hold;
  hold.account = login.credential.account;
  hold.kind = kind;
  hold.since = now;
  hold.until = 0;
  hold.peer = plain_text(login.peer);
  hold.rule = plain_text(login.rule);
  hold.reason = plain_text(reason);
  return entry;
}

void HoldTable::mark(Entry& entry, const policy::Credential& credential) const {
  if (!entry.stored.secret) entry.stored.secret = holds::SecretMark::make(engine_, credential.secret.nt_hash);
}

// A process that ends between the credential and the verdict, over and over, must not try each time: the
// attempt is written down first. But not where this secret has worked since the start and nothing has gone
// wrong with it: such a login does not count as failed, and if the secret was changed at the partner
// meanwhile, the process started next writes its attempt down. So there is one write with its fsync for an
// account and a start, not one for a login. The mark of the secret, which is slow, waits for an outcome.
bool HoldTable::begin(const Login& login, Time now) {
  const auto proven = proven_.find(folded_account(login.credential.account));
  if (proven != proven_.end() && proven->second == login.credential.secret.generation) return false;
  renew(login, Kind::begun, {}, now);
  return true;
}

const Hold& HoldTable::fail(const Login& login, Kind kind, std::string_view reason, Time now) {
  proven_.erase(folded_account(login.credential.account));
  Entry& entry = renew(login, kind, reason, now);
  mark(entry, login.credential);
  Hold& hold = entry.stored.hold;
  hold.until = now + length_of(kind, ++hold.failures);
  return hold;
}

bool HoldTable::succeed(const Login& login) {
  const std::string key = folded_account(login.credential.account);
  proven_[key] = login.credential.secret.generation;
  return entries_.erase(key) > 0;
}

bool HoldTable::lift(std::string_view account, Time now) {
  return find(account, now) != nullptr && entries_.erase(folded_account(account)) > 0;
}

std::vector<Hold> HoldTable::list(Time now) const {
  std::vector<Hold> list;
  for (const auto& [key, entry] : entries_)
    if (const auto* hold = find(key, now)) list.push_back(*hold);
  std::ranges::stable_sort(list, std::ranges::greater{}, &Hold::since);
  return list;
}

std::vector<holds::StoredHold> HoldTable::stored() const {
  std::vector<holds::StoredHold> stored;
  for (const auto& [key, entry] : entries_) stored.push_back(entry.stored);
  if (stored.size() <= holds::kMaxHolds) return stored;
  std::ranges::stable_sort(stored, std::ranges::greater{}, [](const holds::StoredHold& each) {
    return each.hold.kind == Kind::begun ? std::numeric_limits<Time>::max() : each.hold.until;
  });
  stored.resize(holds::kMaxHolds);
  return stored;
}

}  // namespace smtpseal::relay
