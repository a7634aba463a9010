// Counts something for as long as the object lives: connections, mostly.
#pragma once

#include <cstdint>

namespace smtpseal::daemon {

class Counted {
 public:
  explicit Counted(std::int64_t& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  std::int64_t& count_;
};

}  // namespace smtpseal::daemon
