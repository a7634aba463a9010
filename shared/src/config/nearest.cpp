#include "nearest.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace smtpseal::config {
namespace {

// Levenshtein distance: insertions, deletions and replacements of one character.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::string_view key_of(std::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

}  // namespace

std::string_view nearest_name(std::string_view name, std::span<const Param> known) {
  constexpr std::size_t kMaxName = 100;  // bounds the work on a hostile file; no declared name is near that
  if (name.size() > kMaxName) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 4) + 1;
  for (const auto& param : known) {
    // The right key in the wrong section, or in none, is as near as one typing error.
    const std::size_t distance = key_of(param.name) == key_of(name) ? 1 : edit_distance(name, param.name);
    if (distance >= best_distance) continue;
    best = param.name;
    best_distance = distance;
  }
  return best;
}

}  // namespace smtpseal::config
