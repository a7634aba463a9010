#include <array>
#include <cstdint>

#include "smtpseal/smtp/command.hpp"

namespace smtpseal::smtp {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> make_digit_values() {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kNoDigit;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}
constexpr std::array<std::uint8_t, 256> kDigitValues = make_digit_values();

// What Exchange 5.5 put behind the last whole group: "=", or "A=" where no padding was due.
std::string_view strip_superfluous(std::string_view text) {
  if (text.size() <= 4 || text.back() != '=') return text;
  if (text.size() % 4 == 1) return text.substr(0, text.size() - 1);
  const bool is_stray_group = text.size() % 4 == 2 && text.ends_with("A=") && text[text.size() - 3] != '=';
  return is_stray_group ? text.substr(0, text.size() - 2) : text;
}

// Without the padding; nullopt where the padding or the length is wrong.
std::optional<std::string_view> strip_padding(std::string_view text) {
  text = strip_superfluous(text);
  if (text.size() % 4 != 0) return std::nullopt;
  if (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  return text;
}

}  // namespace

std::string to_base64(std::string_view octets) {
  std::string text;
  text.reserve((octets.size() + 2) / 3 * 4);
  for (; !octets.empty(); octets.remove_prefix(octets.size() < 3 ? octets.size() : 3)) {
    const std::size_t count = octets.size() < 3 ? octets.size() : 3;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < count ? static_cast<unsigned char>(octets[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text.push_back(i <= count ? kAlphabet[group >> (18 - 6 * i) & 63] : '=');
    }
  }
  return text;
}

Result<std::string> from_base64(std::string_view text) {
  const auto digits = strip_padding(text);
  if (!digits) return make_error_code(errc::bad_base64);
  // Reserved in full: what is decoded may be a secret, and growth would leave copies of it behind.
  std::string octets;
  octets.reserve(digits->size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const char c : *digits) {
    const std::uint8_t value = kDigitValues[static_cast<unsigned char>(c)];
    if (value == kNoDigit) return make_error_code(errc::bad_base64);
    bits = (bits << 6 | value) & 0xffff;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      octets.push_back(static_cast<char>(bits >> bit_count & 0xff));
    }
  }
  // RFC 4648 3.5: the left-over bits are zero, so that there is one encoding of each value.
  if ((bits & ((1U << bit_count) - 1)) != 0) return make_error_code(errc::bad_base64);
  return octets;
}

}  // namespace smtpseal::smtp
