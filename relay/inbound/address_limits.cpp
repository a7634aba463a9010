#include "inbound/address_limits.hpp"

#include <algorithm>

namespace smtpseal::relay {

using boost::asio::ip::address;
using daemon::Clock;

namespace {

std::string key_of(const address& client) {
  if (client.is_v4()) {
    const auto octets = client.to_v4().to_bytes();
    return {octets.begin(), octets.end()};
  }
  const auto octets = client.to_v6().to_bytes();
  return {octets.begin(), octets.begin() + 8};
}

}  // namespace

bool AddressLimits::open(const address& client) {
  Entry& entry = entries_[key_of(client)];
  if (entry.sessions >= sessions_) return false;
  ++entry.sessions;
  return true;
}

void AddressLimits::close(const address& client, Clock::time_point now) {
  const auto found = entries_.find(key_of(client));
  if (found == entries_.end()) return;
  --found->second.sessions;
  forget_old(found->second, now);
  if (found->second.sessions == 0 && found->second.failures == 0) entries_.erase(found);
  if (entries_.size() > sweep_at_) sweep(now);
}

void AddressLimits::login_failed(const address& client, Clock::time_point now) {
  Entry& entry = entries_[key_of(client)];
  forget_old(entry, now);
  if (entry.failures++ == 0) entry.first_failure = now;
}

bool AddressLimits::may_log_in(const address& client, Clock::time_point now) {
  const auto found = entries_.find(key_of(client));
  if (found == entries_.end()) return true;
  forget_old(found->second, now);
  return found->second.failures < failures_;
}

void AddressLimits::forget_old(Entry& entry, Clock::time_point now) const {
  if (entry.failures > 0 && now - entry.first_failure >= failure_time_) entry.failures = 0;
}

// Drops addresses that only old failures kept. The threshold follows the size, so that sweeps stay rare.
void AddressLimits::sweep(Clock::time_point now) {
  for (auto& [key, entry] : entries_) forget_old(entry, now);
  std::erase_if(entries_,
                [](const auto& item) { return item.second.sessions == 0 && item.second.failures == 0; });
  sweep_at_ = std::max<std::size_t>(1024, 2 * entries_.size());
}

}  // namespace smtpseal::relay
