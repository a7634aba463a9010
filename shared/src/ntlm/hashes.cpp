#include "smtpseal/ntlm/hashes.hpp"

#include <algorithm>

#include "secret_digest.hpp"
#include "smtpseal/ntlm/text.hpp"

namespace smtpseal::ntlm {

namespace {

constexpr std::size_t kLongestLmPassword = 14;

char ascii_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

Result<crypto::Key16> nt_hash(const crypto::Engine& engine, std::string_view password) {
  Result<Bytes> unicode = encode_text(password, Charset::unicode);
  if (!unicode) return unicode.error();
  crypto::Key16 hash = to_key(engine.md4({*unicode}));
  wipe(unicode->data(), unicode->size());
  return hash;
}

std::optional<crypto::Key16> lm_hash(const crypto::Engine& engine, std::string_view password) {
  const bool is_ascii =
      std::ranges::all_of(password, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (password.size() > kLongestLmPassword || !is_ascii) return std::nullopt;

  SecretArray<kLongestLmPassword> padded;
  std::ranges::transform(password, padded.writable().begin(),
                         [](char c) { return static_cast<std::byte>(ascii_upper(c)); });
  const auto text = as_bytes("KGS!@#$%").first<8>();
  crypto::Key16 hash;
  std::ranges::copy(engine.des(padded.octets().first<7>(), text), hash.writable().begin());
  std::ranges::copy(engine.des(padded.octets().last<7>(), text), hash.writable().last<8>().begin());
  return hash;
}

crypto::Key16 ntlmv2_hash(const crypto::Engine& engine, const crypto::Key16& nt_hash, ByteSpan user,
                          ByteSpan domain) {
  Bytes upper(user.begin(), user.end());
  make_upper_case(upper);
  return to_key(engine.hmac_md5(nt_hash.octets(), {upper, domain}));
}

}  // namespace smtpseal::ntlm
