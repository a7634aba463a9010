#include "smtpseal/tls/certificate.hpp"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <new>

#include "../hex.hpp"

namespace smtpseal::tls {
namespace {

constexpr std::size_t kShownNames = 4;
constexpr std::size_t kShownSize = 100;

const EVP_MD* end_point_digest(const X509& certificate) {
  int digest = NID_undef;
  // The certificate's cached signature facts are made at the first call, hence no const in OpenSSL's
  // signature.
  auto& unlocked = const_cast<X509&>(certificate);
  if (X509_get_signature_info(&unlocked, &digest, nullptr, nullptr, nullptr) != 1) return nullptr;
  if (digest == NID_undef) return nullptr;
  if (digest == NID_md5 || digest == NID_sha1) return EVP_sha256();
  return EVP_get_digestbynid(digest);
}

std::string printable(std::string_view text) {
  std::string result(text.substr(0, kShownSize));
  std::ranges::replace_if(
      result, [](char c) { return c <= 0x20 || c >= 0x7f; }, '?');
  return result;
}

std::string address_text(const ASN1_OCTET_STRING& address) {
  std::string text;
  const int size = ASN1_STRING_length(&address);
  const unsigned char* octets = ASN1_STRING_get0_data(&address);
  if (size != 4) return "an IPv6 address";
  for (int i = 0; i < size; ++i) text += (i == 0 ? "" : ".") + std::to_string(octets[i]);
  return text;
}

std::string name_text(const GENERAL_NAME& name) {
  if (name.type == GEN_IPADD) return address_text(*name.d.iPAddress);
  if (name.type != GEN_DNS) return {};
  const auto* text = ASN1_STRING_get0_data(name.d.dNSName);
  const auto size = static_cast<std::size_t>(ASN1_STRING_length(name.d.dNSName));
  return printable({reinterpret_cast<const char*>(text), size});
}

}  // namespace

Fingerprint fingerprint_of(const X509& certificate) {
  Fingerprint fingerprint{};
  if (X509_digest(&certificate, EVP_sha256(), reinterpret_cast<unsigned char*>(fingerprint.data()),
                  nullptr) != 1)
    throw std::bad_alloc();
  return fingerprint;
}

std::optional<Fingerprint> parse_fingerprint(std::string_view text) {
  constexpr std::size_t kDigits = 2 * sizeof(Fingerprint);
  const bool has_colons = text.size() == kDigits + sizeof(Fingerprint) - 1;
  if (!has_colons && text.size() != kDigits) return std::nullopt;
  const std::size_t step = has_colons ? 3 : 2;
  Fingerprint fingerprint{};
  for (std::size_t i = 0; i < fingerprint.size(); ++i) {
    const int high = hex_value(text[i * step]);
    const int low = hex_value(text[i * step + 1]);
    const bool is_parted = !has_colons || i + 1 == fingerprint.size() || text[i * step + 2] == ':';
    if (high < 0 || low < 0 || !is_parted) return std::nullopt;
    fingerprint[i] = static_cast<std::byte>(high * 16 + low);
  }
  return fingerprint;
}

std::string to_text(const Fingerprint& fingerprint) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const std::byte octet : fingerprint) {
    if (!text.empty()) text += ':';
    text += kDigits[std::to_integer<unsigned>(octet) >> 4];
    text += kDigits[std::to_integer<unsigned>(octet) & 0xF];
  }
  return text;
}

std::optional<Bytes> end_point_binding(const X509& certificate) {
  const EVP_MD* digest = end_point_digest(certificate);
  if (digest == nullptr) return std::nullopt;
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (X509_digest(&certificate, digest, hash.data(), &size) != 1) return std::nullopt;
  const auto prefix = as_bytes("tls-server-end-point:");
  Bytes binding(prefix.begin(), prefix.end());
  const auto octets = std::as_bytes(std::span(hash).first(size));
  binding.insert(binding.end(), octets.begin(), octets.end());
  return binding;
}

std::optional<std::int64_t> not_after(const X509& certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &parts) != 1) return std::nullopt;
  return ::timegm(&parts);
}

std::string names_of(const X509& certificate) {
  const auto free_names = [](GENERAL_NAMES* names) { GENERAL_NAMES_free(names); };
  const std::unique_ptr<GENERAL_NAMES, decltype(free_names)> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string text;
  std::size_t shown = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto name = name_text(*sk_GENERAL_NAME_value(names.get(), i));
    if (name.empty()) continue;
    if (shown++ == kShownNames) return text + ", ...";
    text += (text.empty() ? "" : ", ") + name;
  }
  return text.empty() ? "none" : text;
}

}  // namespace smtpseal::tls
