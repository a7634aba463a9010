#include "output.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace smtpseal::cli {
namespace {

ColorMode color_mode = ColorMode::automatic;

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool has_color(const std::ostream& stream) {
  if (color_mode != ColorMode::automatic) return color_mode == ColorMode::always;
  const int descriptor = &stream == &std::cout ? STDOUT_FILENO : &stream == &std::cerr ? STDERR_FILENO : -1;
  return descriptor >= 0 && is_terminal(descriptor) && !is_set("NO_COLOR");
}

const char* code(Tone tone) {
  switch (tone) {
    case Tone::good:
      return "\033[32m";
    case Tone::caution:
      return "\033[33m";
    case Tone::bad:
      return "\033[1;31m";
    case Tone::faint:
      return "\033[2m";
    case Tone::strong:
      return "\033[1m";
  }
  return "";
}

// Characters, not octets: continuation octets of UTF-8 take no place.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t columns) {
  return text + std::string(columns - std::min(columns, width(text)), ' ');
}

}  // namespace

bool is_terminal(int descriptor) {
  const char* terminal = std::getenv("TERM");
  return ::isatty(descriptor) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

void set_color_mode(ColorMode mode) {
  color_mode = mode;
}

std::string toned(const std::ostream& to, Tone tone, const std::string& text) {
  return has_color(to) ? code(tone) + text + "\033[0m" : text;
}

void print_problems(std::ostream& to, std::span<const policy::Problem> problems) {
  for (const auto& problem : problems)
    to << toned(to, Tone::bad, "problem:") << ' ' << problem.message() << '\n';
}

void print_warnings(std::ostream& to, std::span<const std::string> warnings) {
  for (const auto& warning : warnings) to << toned(to, Tone::caution, "warning:") << ' ' << warning << '\n';
}

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

void Columns::print(std::ostream& to) const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += padded(row[i], widths[i] + 2);
    line.erase(line.find_last_not_of(' ') + 1);
    to << (&row == &rows_.front() ? toned(to, Tone::strong, line) : line) << '\n';
  }
}

void Facts::print(std::ostream& to) const {
  std::size_t widest = 0;
  for (const auto& [name, value] : rows_) widest = std::max(widest, width(name));
  for (const auto& [name, value] : rows_) {
    to << toned(to, Tone::strong, padded(name, widest + 2)) << value << '\n';
  }
}

}  // namespace smtpseal::cli
