#include <algorithm>
#include <array>

#include "../hex.hpp"
#include "smtpseal/policy/account_files.hpp"
#include "unicode.hpp"

namespace smtpseal::policy {
namespace {

using crypto::Engine;
using crypto::Key16;

constexpr std::size_t kHexSize = 32;
constexpr std::size_t kMaxLmPassword = 14;  // [MS-NLMP] 3.3.1 LMOWFv1
constexpr std::size_t kMaxPassword = 1024;  // Windows takes at most 256 characters

// The well-known hashes of the blank password.
constexpr std::string_view kBlankNt = "31d6cfe0d16ae931b73c59d7e0c089c0";
constexpr std::string_view kBlankLm = "aad3b435b51404eeaad3b435b51404ee";

std::optional<Key16> parse_hash(std::string_view hex) {
  if (hex.size() != kHexSize) return std::nullopt;
  Key16 key;
  for (std::size_t i = 0; i < key.writable().size(); ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key.writable()[i] = static_cast<std::byte>(high * 16 + low);
  }
  return key;
}

bool is_hash(const Key16& key, std::string_view hex) {
  const auto other = parse_hash(hex);
  return other && equal_in_constant_time(key.octets(), other->octets());
}

void append_hex(std::string& to, const Key16& key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::byte octet : key.octets()) {
    to += kDigits[std::to_integer<unsigned>(octet) >> 4];
    to += kDigits[std::to_integer<unsigned>(octet) & 0xF];
  }
}

// [MS-NLMP] 3.3.1 NTOWFv1. Empty where the password is not UTF-8.
std::optional<Key16> nt_hash(const Engine& engine, std::string_view password) {
  auto unicode = utf16le(password);
  if (!unicode) return std::nullopt;
  auto digest = engine.md4({*unicode});
  Key16 key{std::span<const std::byte, 16>(digest)};
  wipe(unicode->data(), unicode->size());
  wipe(digest.data(), digest.size());
  return key;
}

bool has_lm_hash(std::string_view password) {
  return password.size() <= kMaxLmPassword && std::all_of(password.begin(), password.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x80;
         });
}

// [MS-NLMP] 3.3.1 LMOWFv1. Empty where it is undefined.
std::optional<Key16> lm_hash(const Engine& engine, std::string_view password) {
  if (!has_lm_hash(password)) return std::nullopt;
  SecretArray<kMaxLmPassword> padded;
  for (std::size_t i = 0; i < password.size(); ++i) {
    const char c = password[i];
    padded.writable()[i] = static_cast<std::byte>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  const auto magic = as_bytes("KGS!@#$%").first<8>();
  Key16 key;
  for (std::size_t half = 0; half < 2; ++half) {
    auto block = engine.des(padded.octets().subspan(half * 7).first<7>(), magic);
    std::copy(block.begin(), block.end(), key.writable().begin() + static_cast<std::ptrdiff_t>(half * 8));
    wipe(block.data(), block.size());
  }
  return key;
}

// Keyed with a value of this process, so that a generation in a log or a dump is nothing to guess passwords
// against.
std::uint64_t generation_of(const Engine& engine, const StoredSecret& secret) {
  static const Key16 process_key = [&engine] {
    Key16 key;
    engine.random(key.writable());
    return key;
  }();
  const ByteSpan lm = secret.lm_hash ? ByteSpan(secret.lm_hash->octets()) : ByteSpan();
  const auto digest = engine.hmac_md5(process_key.octets(), {secret.nt_hash.octets(), lm});
  std::uint64_t generation = 0;
  std::memcpy(&generation, digest.data(), sizeof generation);
  return generation;
}

SecretParse refused(std::string problem) {
  return {std::nullopt, std::move(problem)};
}

SecretParse accepted(const Engine& engine, Key16 nt, std::optional<Key16> lm) {
  if (is_hash(nt, kBlankNt)) return refused("the {NT} hash is that of the blank password, which is refused");
  if (lm && is_hash(*lm, kBlankLm))
    return refused("the {LM} hash is that of the blank password; leave it out");
  SecretParse result;
  result.secret.emplace();
  result.secret->nt_hash = std::move(nt);
  result.secret->lm_hash = std::move(lm);
  result.secret->generation = generation_of(engine, *result.secret);
  return result;
}

SecretParse parse_hashes(const Engine& engine, std::string_view field) {
  constexpr std::string_view kNt = "{NT}";
  constexpr std::string_view kLm = "{LM}";
  constexpr auto kForm = "allowed are {NT} and 32 hexadecimal digits, and the same with {LM} behind it";
  if (!field.starts_with(kNt))
    return refused(std::string("a secret in braces has an unknown form; ") + kForm);
  field.remove_prefix(kNt.size());
  auto nt = parse_hash(field.substr(0, kHexSize));
  if (!nt) return refused(std::string("the {NT} hash is malformed; ") + kForm);
  field.remove_prefix(kHexSize);
  if (field.empty()) return accepted(engine, std::move(*nt), std::nullopt);
  auto lm = field.starts_with(kLm) ? parse_hash(field.substr(kLm.size())) : std::nullopt;
  if (!lm) return refused(std::string("what follows the {NT} hash is malformed; ") + kForm);
  return accepted(engine, std::move(*nt), std::move(lm));
}

// "{WORD}": a secret written by some tool. Taking a scheme that is not known for a password would only fail
// at the partner.
bool is_scheme(std::string_view field) {
  const std::size_t end = field.find('}');
  if (!field.starts_with('{') || end == std::string_view::npos || end == 1) return false;
  const auto word = field.substr(1, end - 1);
  return std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_blank(std::string_view password) {
  return password.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

SecretParse parse_secret(const Engine& engine, std::string_view field, KeepPassword keep) {
  if (is_blank(field)) return refused("a blank password is refused");
  if (is_scheme(field)) return parse_hashes(engine, field);
  if (field.size() > kMaxPassword)
    return refused("the password has more than " + std::to_string(kMaxPassword) + " octets");
  auto nt = nt_hash(engine, field);
  if (!nt) return refused("the password is not UTF-8");
  auto result = accepted(engine, std::move(*nt), lm_hash(engine, field));
  if (result.secret && keep == KeepPassword::yes) result.secret->password.emplace(std::string(field));
  return result;
}

std::string format_secret(const Engine& engine, std::string_view password, bool with_lm) {
  std::string text;
  const auto nt =
      is_blank(password) || password.size() > kMaxPassword ? std::nullopt : nt_hash(engine, password);
  if (!nt) return text;
  // Allocated once, so that no copy of the hash is left behind for the caller's wipe() to miss.
  text.reserve(2 * (kHexSize + 4));
  text += "{NT}";
  append_hex(text, *nt);
  const auto lm = with_lm ? lm_hash(engine, password) : std::nullopt;
  if (!lm) return text;
  text += "{LM}";
  append_hex(text, *lm);
  return text;
}

}  // namespace smtpseal::policy
