// The time as NTLMSSP counts it ([MS-DTYP] 2.3.3): 100 ns since 1601-01-01 UTC.
#pragma once

#include <chrono>
#include <cstdint>

namespace smtpseal::ntlm {

inline std::uint64_t filetime_now() {
  constexpr std::uint64_t kUnixEpoch = 116444736000000000;  // 1970-01-01 as FILETIME
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return kUnixEpoch + static_cast<std::uint64_t>(
                          std::chrono::duration_cast<std::chrono::nanoseconds>(since).count() / 100);
}

}  // namespace smtpseal::ntlm
