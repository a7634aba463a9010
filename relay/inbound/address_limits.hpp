// Counts by client address (IPv6: by /64): sessions open now, failed logins of late. Bounded: entries without
// either are dropped. Time comes as an argument.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "smtpseal/daemon/async.hpp"

namespace smtpseal::relay {

class AddressLimits {
 public:
  AddressLimits(std::int64_t sessions, std::int64_t failures, daemon::Seconds failure_time)
      : sessions_(sessions), failures_(failures), failure_time_(failure_time) {}

  // False, and nothing counted, where the address has its share of sessions.
  [[nodiscard]] bool open(const boost::asio::ip::address& client);
  void close(const boost::asio::ip::address& client, daemon::Clock::time_point now);

  void login_failed(const boost::asio::ip::address& client, daemon::Clock::time_point now);
  [[nodiscard]] bool may_log_in(const boost::asio::ip::address& client, daemon::Clock::time_point now);

 private:
  struct Entry {
    std::int64_t sessions = 0;
    std::int64_t failures = 0;
    daemon::Clock::time_point first_failure;
  };
  void forget_old(Entry& entry, daemon::Clock::time_point now) const;
  void sweep(daemon::Clock::time_point now);

  std::int64_t sessions_;
  std::int64_t failures_;
  daemon::Seconds failure_time_;
  std::unordered_map<std::string, Entry> entries_;
  std::size_t sweep_at_ = 1024;
};

}  // namespace smtpseal::relay
