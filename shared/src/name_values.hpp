// Reading "name=value name=value" in the one order in which it is written. Private to the sources of this
// library.
#pragma once

#include <string>
#include <string_view>

#include "decimal.hpp"
#include "smtpseal/plain_text.hpp"
#include "smtpseal/smtp/command.hpp"

namespace smtpseal {

// A value that came from outside, as it is written.
inline std::string plain_xtext(std::string_view text) {
  return smtp::to_xtext(plain_text(text));
}

// Remembers its first error, so that a parser asks once, at its end.
class NameValues {
 public:
  explicit NameValues(std::string_view line) : rest_(line) {}

  std::string_view raw(std::string_view name) {
    const std::size_t end = rest_.find(' ');
    const std::string_view field = rest_.substr(0, end);
    const bool is_it = field.starts_with(name) && field.substr(name.size()).starts_with('=');
    ok_ = ok_ && is_it;
    if (!ok_) return {};
    is_at_end_ = end == std::string_view::npos;
    rest_.remove_prefix(is_at_end_ ? rest_.size() : end + 1);
    return field.substr(name.size() + 1);
  }
  std::string text(std::string_view name) {
    auto decoded = smtp::from_xtext(raw(name));
    ok_ = ok_ && decoded.has_value();
    return ok_ ? std::move(*decoded) : std::string();
  }
  // Below 2^53, so that sums of two do not overflow and JSON readers take them.
  std::uint64_t number(std::string_view name) {
    const auto value = decimal<std::uint64_t>(raw(name));
    ok_ = ok_ && value && *value < (std::uint64_t{1} << 53);
    return ok_ ? *value : 0;
  }
  void refuse() { ok_ = false; }
  // Everything was there, and nothing behind it.
  [[nodiscard]] bool is_complete() const { return ok_ && is_at_end_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
  bool is_at_end_ = false;
};

}  // namespace smtpseal
