// A line on standard error that says what is waited for, and for how long already. On a terminal only.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace smtpseal::cli {

// From its construction to its end.
class WaitingLine {
 public:
  explicit WaitingLine(std::string what);
  WaitingLine(const WaitingLine&) = delete;
  WaitingLine& operator=(const WaitingLine&) = delete;
  ~WaitingLine();

 private:
  void show();

  std::string what_;
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace smtpseal::cli
