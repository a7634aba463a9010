// Idle sessions with next hops, kept for relay.session_reuse_idle so that a run of messages pays for one
// login.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "outbound/hop_session.hpp"

namespace smtpseal::relay {

class HopPool {
 public:
  HopPool(daemon::asio::io_context& io, const Settings& settings) : io_(io), settings_(settings) {}

  // A session that may be used again at once; null where there is none.
  std::unique_ptr<HopSession> take(const std::string& key);
  // Keeps the session or ends it with QUIT, in the background.
  void give_back(std::unique_ptr<HopSession> session);
  void clear();

 private:
  struct Idle {
    std::unique_ptr<HopSession> session;
    daemon::Clock::time_point until;
  };
  daemon::Task<> settle(std::unique_ptr<HopSession> session);
  daemon::Task<> reap();
  void end(std::unique_ptr<HopSession> session);

  daemon::asio::io_context& io_;
  const Settings& settings_;
  std::list<Idle> idle_;  // the longest idle first
  bool reaping_ = false;
  bool closed_ = false;
};

}  // namespace smtpseal::relay
