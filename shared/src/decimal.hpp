// Numbers in protocol text. Private to the sources of this library.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace smtpseal {

// A number of digits and nothing else: no sign, no blank. nullopt too where T cannot hold it.
template <std::unsigned_integral T>
[[nodiscard]] std::optional<T> decimal(std::string_view text) {
  T number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace smtpseal
