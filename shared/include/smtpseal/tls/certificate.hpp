// What a certificate says, as far as rules, logins and messages need it. Pure.
#pragma once

#include <openssl/x509.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtpseal/bytes.hpp"

namespace smtpseal::tls {

// The SHA-256 of the whole certificate, as `openssl x509 -noout -fingerprint -sha256` shows it.
using Fingerprint = std::array<std::byte, 32>;
Fingerprint fingerprint_of(const X509& certificate);
// 64 hexadecimal digits, or 32 pairs of them with colons between.
[[nodiscard]] std::optional<Fingerprint> parse_fingerprint(std::string_view text);
std::string to_text(const Fingerprint& fingerprint);  // "AB:CD:…"

// "tls-server-end-point:" and the hash of the certificate (RFC 5929 section 4.1): by the hash of its
// signature, SHA-256 instead of MD5 and SHA-1. nullopt where the signature has no single hash (Ed25519), for
// which RFC 5929 defines no binding.
[[nodiscard]] std::optional<Bytes> end_point_binding(const X509& certificate);

// When it ends, in seconds since 1970; nullopt where it does not say so in a way that OpenSSL reads.
[[nodiscard]] std::optional<std::int64_t> not_after(const X509& certificate);

// The host names and addresses of subjectAltName for a message: printable, at most a few, "none" where there
// are none. The common name is not looked at (RFC 9525 section 2).
std::string names_of(const X509& certificate);

}  // namespace smtpseal::tls
