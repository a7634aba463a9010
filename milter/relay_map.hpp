// Asks the relay what protects a session (its socketmap "session"). Safe from any thread: each question has
// a connection for itself, and some are kept for the next ones.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "smtpseal/daemon/endpoint.hpp"
#include "smtpseal/daemon/once_a_minute.hpp"
#include "smtpseal/daemon/socketmap_query.hpp"

namespace smtpseal::milter {

class RelayMap {
 public:
  RelayMap(daemon::Endpoint endpoint, std::chrono::milliseconds timeout)
      : endpoint_(std::move(endpoint)), timeout_(timeout) {}

  // Errors, which are logged at most once a minute: those of daemon::SocketmapQuery.
  [[nodiscard]] Result<postfix::SocketmapReply> ask(const std::string& key);

 private:
  using Query = std::unique_ptr<daemon::SocketmapQuery>;
  Query take();
  void give_back(Query query);

  daemon::Endpoint endpoint_;
  std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::vector<Query> idle_;
  daemon::OnceAMinute warning_;
};

}  // namespace smtpseal::milter
