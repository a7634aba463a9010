#include "outbound/hop_pool.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace smtpseal::relay {

using daemon::Clock;
using daemon::Seconds;
using daemon::Task;

std::unique_ptr<HopSession> HopPool::take(const std::string& key) {
  for (auto entry = idle_.rbegin(); entry != idle_.rend();) {
    if (entry->session->key() != key) {
      ++entry;
      continue;
    }
    auto session = std::move(entry->session);
    entry = std::make_reverse_iterator(idle_.erase(std::next(entry).base()));
    if (session->is_usable()) return session;
  }
  return nullptr;
}

void HopPool::give_back(std::unique_ptr<HopSession> session) {
  daemon::asio::co_spawn(io_, settle(std::move(session)), daemon::asio::detached);
}

Task<> HopPool::settle(std::unique_ptr<HopSession> session) {
  const bool wanted =
      settings_.session_reuse_idle > Seconds(0) && session->messages < settings_.session_reuse_count;
  if (wanted && co_await session->reset() && !closed_) {
    idle_.push_back({std::move(session), Clock::now() + settings_.session_reuse_idle});
    if (!std::exchange(reaping_, true)) daemon::asio::co_spawn(io_, reap(), daemon::asio::detached);
    co_return;
  }
  co_await session->quit();
}

Task<> HopPool::reap() {
  while (!idle_.empty()) {
    co_await daemon::sleep_for(std::chrono::milliseconds(500));
    while (!idle_.empty() && idle_.front().until <= Clock::now()) {
      end(std::move(idle_.front().session));
      idle_.pop_front();
    }
  }
  reaping_ = false;
}

void HopPool::end(std::unique_ptr<HopSession> session) {
  daemon::asio::co_spawn(
      io_, [held = std::move(session)]() -> Task<> { co_await held->quit(); }, daemon::asio::detached);
}

void HopPool::clear() {
  closed_ = true;
  for (auto& entry : idle_) end(std::move(entry.session));
  idle_.clear();
}

}  // namespace smtpseal::relay
