#include "waiting_line.hpp"

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <utility>

namespace smtpseal::cli {

WaitingLine::WaitingLine(std::string what) : what_(std::move(what)) {
  if (::isatty(STDERR_FILENO) != 0) thread_ = std::thread([this] { show(); });
}

WaitingLine::~WaitingLine() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  over_.notify_one();
  thread_.join();
  std::cerr << "\r\x1b[K" << std::flush;
}

void WaitingLine::show() {
  std::unique_lock lock(mutex_);
  for (int seconds = 0; !is_over_; ++seconds) {
    std::cerr << '\r' << what_ << " ... " << seconds << " s" << std::flush;
    over_.wait_for(lock, std::chrono::seconds(1), [this] { return is_over_; });
  }
}

}  // namespace smtpseal::cli
