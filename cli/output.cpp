#include "output.hpp"

#include <algorithm>

namespace smtpseal::cli {
namespace {

// Characters, not octets: continuation octets of UTF-8 take no place.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

}  // namespace

void print_problems(std::ostream& to, std::span<const policy::Problem> problems) {
  for (const auto& problem : problems) to << "problem: " << problem.message() << '\n';
}

void print_warnings(std::ostream& to, std::span<const std::string> warnings) {
  for (const auto& warning : warnings) to << "warning: " << warning << '\n';
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
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - width(row[i]) + 2, ' ');
    }
    to << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
  }
}

}  // namespace smtpseal::cli
