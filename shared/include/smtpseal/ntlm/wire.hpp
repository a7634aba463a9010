// NTLMSSP numbers on the wire ([MS-NLMP] 2.2), used by decoders, encoders, tests and fuzzers alike.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace smtpseal::ntlm {

inline constexpr std::size_t kMaxMessage = 9216;  // what a 12288-octet AUTH line (RFC 4954) can carry
inline constexpr std::array<char, 8> kSignature{'N', 'T', 'L', 'M', 'S', 'S', 'P', '\0'};

// NegotiateFlags, [MS-NLMP] 2.2.2.5.
enum Flag : std::uint32_t {
  kUnicode = 0x00000001,
  kOem = 0x00000002,
  kRequestTarget = 0x00000004,
  kSign = 0x00000010,
  kSeal = 0x00000020,
  kDatagram = 0x00000040,
  kLmKey = 0x00000080,
  kNtlm = 0x00000200,
  kAnonymous = 0x00000800,
  kOemDomainSupplied = 0x00001000,
  kOemWorkstationSupplied = 0x00002000,
  kAlwaysSign = 0x00008000,
  kTargetTypeDomain = 0x00010000,
  kTargetTypeServer = 0x00020000,
  kExtendedSessionSecurity = 0x00080000,
  kIdentify = 0x00100000,
  kRequestNonNtSessionKey = 0x00400000,
  kTargetInfo = 0x00800000,
  kVersion = 0x02000000,
  k128 = 0x20000000,
  kKeyExch = 0x40000000,
  k56 = 0x80000000,
};

// AV_PAIR identifiers, [MS-NLMP] 2.2.2.1.
enum class AvId : std::uint16_t {
  eol = 0,
  nb_computer_name = 1,
  nb_domain_name = 2,
  dns_computer_name = 3,
  dns_domain_name = 4,
  dns_tree_name = 5,
  flags = 6,
  timestamp = 7,
  single_host = 8,
  target_name = 9,
  channel_bindings = 10,
};
inline constexpr std::uint32_t kAvFlagMicPresent = 0x2;
inline constexpr std::uint32_t kAvFlagUntrustedSpn = 0x4;

// The flags by name, for logs and `smtpseal probe`: "UNICODE,SIGN,SEAL,…".
std::string describe_flags(std::uint32_t flags);

}  // namespace smtpseal::ntlm
