// Lets one log line a minute through, however often the same thing goes wrong. Safe from any thread.
#pragma once

#include <atomic>
#include <chrono>

namespace smtpseal::daemon {

class OnceAMinute {
 public:
  // True where the last time it was true is a minute ago. `now` never goes back.
  [[nodiscard]] bool is_due(std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now()) {
    auto next = next_.load();
    return now >= next && next_.compare_exchange_strong(next, now + std::chrono::minutes(1));
  }

 private:
  std::atomic<std::chrono::steady_clock::time_point> next_ = std::chrono::steady_clock::time_point::min();
};

}  // namespace smtpseal::daemon
