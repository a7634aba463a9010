#include "smtpseal/holds/secret_mark.hpp"

#include <algorithm>

namespace smtpseal::holds {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

void append_hex(std::string& to, ByteSpan octets) {
  for (const std::byte octet : octets) {
    to += kDigits[std::to_integer<unsigned>(octet) >> 4];
    to += kDigits[std::to_integer<unsigned>(octet) & 0xF];
  }
}

// REQUIRES: two digits for each octet of `to`.
bool take_hex(std::string_view hex, std::span<std::byte> to) {
  for (std::byte& octet : to) {
    const std::size_t high = kDigits.find(hex[0]);
    const std::size_t low = kDigits.find(hex[1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    octet = static_cast<std::byte>(high * 16 + low);
    hex.remove_prefix(2);
  }
  return true;
}

}  // namespace

SecretMark::Digest SecretMark::digest_of(const crypto::Engine& engine, const crypto::Key16& nt_hash) const {
  Digest digest;
  engine.scrypt(nt_hash.octets(), salt_, digest);
  return digest;
}

SecretMark SecretMark::make(const crypto::Engine& engine, const crypto::Key16& nt_hash) {
  SecretMark mark;
  engine.random(mark.salt_);
  mark.digest_ = mark.digest_of(engine, nt_hash);
  return mark;
}

bool SecretMark::matches(const crypto::Engine& engine, const crypto::Key16& nt_hash) const {
  return digest_of(engine, nt_hash) == digest_;
}

std::string SecretMark::text() const {
  std::string text;
  append_hex(text, salt_);
  append_hex(text, digest_);
  return text;
}

std::optional<SecretMark> SecretMark::parse(std::string_view text) {
  SecretMark mark;
  const std::size_t salt_digits = 2 * mark.salt_.size();
  if (text.size() != salt_digits + 2 * mark.digest_.size()) return std::nullopt;
  if (!take_hex(text, mark.salt_) || !take_hex(text.substr(salt_digits), mark.digest_)) return std::nullopt;
  return mark;
}

}  // namespace smtpseal::holds
