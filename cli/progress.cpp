#include "progress.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace smtpseal::cli {
namespace {

constexpr auto kClearLine = "\r\033[K";

bool is_terminal() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace

Progress::Progress() : is_shown_(is_terminal()) {}

Progress::~Progress() {
  if (is_shown_) std::cerr << kClearLine << std::flush;
}

void Progress::show(const std::string& step) {
  if (is_shown_) std::cerr << kClearLine << step << " ..." << std::flush;
}

}  // namespace smtpseal::cli
