#include "progress.hpp"

#include <unistd.h>

#include <iostream>

#include "output.hpp"

namespace smtpseal::cli {
namespace {

constexpr auto kClearLine = "\r\033[K";

}  // namespace

Progress::Progress() : is_shown_(is_terminal(STDERR_FILENO)) {}

Progress::~Progress() {
  if (is_shown_) std::cerr << kClearLine << std::flush;
}

void Progress::show(const std::string& step) {
  if (is_shown_) std::cerr << kClearLine << step << " ..." << std::flush;
}

}  // namespace smtpseal::cli
