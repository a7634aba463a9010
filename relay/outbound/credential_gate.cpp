#include "outbound/credential_gate.hpp"

#include <boost/algorithm/string/case_conv.hpp>

#include "smtpseal/log/log.hpp"

namespace smtpseal::relay {

using daemon::Clock;
using daemon::Task;

namespace {

std::string key_of(const policy::Credential& credential) {
  return boost::algorithm::to_lower_copy(credential.account);
}

}  // namespace

Task<std::unique_ptr<CredentialGate::Ticket>> CredentialGate::enter(const policy::Credential& credential) {
  const std::string key = key_of(credential);
  const std::uint64_t generation = credential.secret.generation;
  Entry& entry = entries_[key];
  while (entry.busy) {
    if (!entry.freed)
      entry.freed = std::make_unique<daemon::asio::steady_timer>(io_, Clock::time_point::max());
    co_await entry.freed->async_wait(daemon::kAwait);
  }
  if (entry.refused_generation == generation && Clock::now() < entry.held_until) co_return nullptr;
  entry.busy = true;
  co_return std::make_unique<Ticket>(*this, key, generation);
}

bool CredentialGate::is_held(const policy::Credential& credential) const {
  const auto found = entries_.find(key_of(credential));
  return found != entries_.end() && found->second.refused_generation == credential.secret.generation &&
         Clock::now() < found->second.held_until;
}

void CredentialGate::leave(const std::string& account) {
  Entry& entry = entries_[account];
  entry.busy = false;
  if (entry.freed) entry.freed->cancel();
}

void CredentialGate::hold(const std::string& account, std::uint64_t generation) {
  Entry& entry = entries_[account];
  entry.refused_generation = generation;
  entry.held_until = Clock::now() + hold_time_;
  log::warning("credential-held")
      .field("account", account)
      .field("seconds", static_cast<std::uint64_t>(hold_time_.count()))
      .field("reason", "login refused; held until the secret changes or relay.hold_time passes");
}

}  // namespace smtpseal::relay
