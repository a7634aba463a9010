#include "parameter_text.hpp"

#include <algorithm>

#include "../smtp/ascii.hpp"

namespace smtpseal::status {
namespace {

using namespace smtp;

constexpr std::string_view kFoldingSpace = " \t\r\n";

std::string_view without_space_around(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kFoldingSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kFoldingSpace) - first + 1);
}

// Position behind the closing quote of the quoted-string that starts at `open`; the end where it is missing.
std::size_t behind_quoted(std::string_view text, std::size_t open) {
  for (std::size_t i = open + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

}  // namespace

bool is_token(std::string_view text, std::string_view specials) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [specials](char c) {
    return ascii::is_visible(c) && specials.find(c) == std::string_view::npos;
  });
}

std::string printable(std::string_view text) {
  std::string result = without_controls(text.substr(0, kMaxParameter));
  std::replace_if(result.begin(), result.end(), ascii::is_eight_bit, '?');
  return result;
}

std::string without_controls(std::string_view text) {
  std::string result(text);
  std::replace_if(result.begin(), result.end(), ascii::is_control, '?');
  return result;
}

std::string quoted_if_needed(std::string_view text, std::string_view specials) {
  if (is_token(text, specials)) return std::string(text);
  std::string result = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string unquoted(std::string_view text) {
  if (!text.starts_with('"')) return std::string(text);
  text.remove_prefix(1);
  if (text.ends_with('"')) text.remove_suffix(1);
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    result += text[i];
  }
  return result;
}

std::string_view take_piece(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && text[end] != ';') end = text[end] == '"' ? behind_quoted(text, end) : end + 1;
  end = std::min(end + 1, text.size());
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(end);
  return piece;
}

std::string unfolded(std::string_view value) {
  std::string result;
  for (value = without_space_around(value); !value.empty(); value = without_space_around(value)) {
    if (!result.empty()) result += ' ';
    result += take_piece(value);
  }
  return result;
}

}  // namespace smtpseal::status
