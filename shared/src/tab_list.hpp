// A line with a head and a list: a tab stands before each item. Private to the sources of this library.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "name_values.hpp"

namespace smtpseal {

inline std::string_view head_of(std::string_view line) {
  return line.substr(0, line.find('\t'));
}

// False, and nothing is done, where the line would get longer than `most`.
inline bool append_item(std::string& line, std::string_view item, std::size_t most) {
  if (line.size() + 1 + item.size() > most) return false;
  line.append("\t").append(item);
  return true;
}

// nullopt where `parse` does not take one of them.
template <class Item>
std::optional<std::vector<Item>> parse_items(std::string_view line,
                                             std::optional<Item> (*parse)(std::string_view)) {
  std::vector<Item> items;
  for (auto tab = line.find('\t'); tab != std::string_view::npos;) {
    line.remove_prefix(tab + 1);
    tab = line.find('\t');
    auto item = parse(line.substr(0, tab));
    if (!item) return std::nullopt;
    items.push_back(std::move(*item));
  }
  return items;
}

// "total=N" and as many of the items as `most` octets have room for.
template <class Item>
std::string format_counted(std::uint64_t total, std::span<const Item> items,
                           std::string (*format)(const Item&), std::size_t most) {
  std::string line = "total=" + std::to_string(total);
  for (const auto& item : items)
    if (!append_item(line, format(item), most)) break;
  return line;
}

// What format_counted() writes: the number and the items.
template <class Item>
std::optional<std::pair<std::uint64_t, std::vector<Item>>> parse_counted(
    std::string_view line, std::optional<Item> (*parse)(std::string_view)) {
  NameValues head(head_of(line));
  const std::uint64_t total = head.number("total");
  auto items = parse_items(line, parse);
  if (!head.is_complete() || !items) return std::nullopt;
  return std::pair(total, std::move(*items));
}

}  // namespace smtpseal
