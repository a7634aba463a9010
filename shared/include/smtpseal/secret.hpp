// Secrets: passwords, hashes, session keys. Wiped on destruction, not copyable by accident, never printable: there is no
// operator<<, no conversion to a string, and clone() has to be written out where a copy is meant.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "smtpseal/bytes.hpp"

namespace smtpseal {

// Overwrites memory in a way the compiler may not remove.
void wipe(void* memory, std::size_t size);

// Compares without telling by its duration where the difference is. Spans of different size are unequal.
[[nodiscard]] bool equal_in_constant_time(ByteSpan a, ByteSpan b);

// A secret of fixed size, such as an NT hash or a session key (16 octets).
template <std::size_t N>
class SecretArray {
 public:
  SecretArray() = default;
  explicit SecretArray(std::span<const std::byte, N> octets) {
    std::memcpy(octets_.data(), octets.data(), N);
  }
  SecretArray(const SecretArray&) = delete;
  SecretArray& operator=(const SecretArray&) = delete;
  SecretArray(SecretArray&& other) noexcept : octets_(other.octets_) { other.clear(); }
  SecretArray& operator=(SecretArray&& other) noexcept {
    if (this != &other) {
      octets_ = other.octets_;
      other.clear();
    }
    return *this;
  }
  ~SecretArray() { clear(); }

  [[nodiscard]] SecretArray clone() const { return SecretArray(octets()); }
  [[nodiscard]] std::span<const std::byte, N> octets() const { return std::span<const std::byte, N>(octets_); }
  [[nodiscard]] std::span<std::byte, N> writable() { return std::span<std::byte, N>(octets_); }
  void clear() { wipe(octets_.data(), N); }

 private:
  std::array<std::byte, N> octets_{};
};

// A secret text (a password, an AUTH line). The text is UTF-8 unless said otherwise.
class SecretText {
 public:
  SecretText() = default;
  // Takes the text over and wipes the argument.
  explicit SecretText(std::string&& text);
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  SecretText(SecretText&& other) noexcept;
  SecretText& operator=(SecretText&& other) noexcept;
  ~SecretText();

  [[nodiscard]] std::string_view reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace smtpseal
