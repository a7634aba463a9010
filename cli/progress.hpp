// What is being done, for whoever waits at a terminal; nothing anywhere else.
#pragma once

#include <string>

namespace smtpseal::cli {

class Progress {
 public:
  Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // Takes the line away again.
  ~Progress();

  // Replaces the line on standard error.
  void show(const std::string& step);

 private:
  bool is_shown_;
};

}  // namespace smtpseal::cli
