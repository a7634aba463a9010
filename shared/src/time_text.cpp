#include "smtpseal/time_text.hpp"

#include <array>
#include <ctime>

namespace smtpseal {
namespace {

// "?" where no calendar has the time.
std::string format(std::int64_t seconds, std::tm* (*to_parts)(const std::time_t*, std::tm*),
                   const char* format) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  std::array<char, 32> text{};
  if (to_parts(&time, &parts) == nullptr) return "?";
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

}  // namespace

std::string utc_time_text(std::int64_t seconds) {
  return format(seconds, ::gmtime_r, "%Y-%m-%dT%H:%M:%SZ");
}

std::string local_time_text(std::int64_t seconds) {
  return format(seconds, ::localtime_r, "%Y-%m-%d %H:%M:%S");
}

}  // namespace smtpseal
