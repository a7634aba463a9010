#include "relay_map.hpp"

#include <utility>

#include "smtpseal/log/log.hpp"

namespace smtpseal::milter {
namespace {

constexpr std::size_t kKeep = 16;  // connections that wait for the next question

}  // namespace

Result<postfix::SocketmapReply> RelayMap::ask(const std::string& key) {
  Query query = take();
  auto answer = query->ask({"session", key}, timeout_);
  give_back(std::move(query));
  if (!answer && warning_.is_due())
    log::warning("relay-unreachable")
        .field("parameter", "inbound.relay_query")
        .field("endpoint", daemon::to_text(endpoint_))
        .field("reason", answer.error().message());
  return answer;
}

RelayMap::Query RelayMap::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<daemon::SocketmapQuery>(endpoint_);
  Query query = std::move(idle_.back());
  idle_.pop_back();
  return query;
}

void RelayMap::give_back(Query query) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kKeep) idle_.push_back(std::move(query));
}

}  // namespace smtpseal::milter
