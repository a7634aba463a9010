// A line with a head and a list: a tab stands before each item. Private to the sources of this library.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

}  // namespace smtpseal
