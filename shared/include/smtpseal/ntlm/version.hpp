// VERSION ([MS-NLMP] 2.2.2.10): who wrote a message, for debugging; nothing may depend on it.
#pragma once

#include <array>
#include <cstddef>

namespace smtpseal::ntlm {

using Version = std::array<std::byte, 8>;

// What smtpseal says of itself: 6.1, build 0, NTLMSSP revision 15.
inline constexpr Version kOurVersion{std::byte{6}, std::byte{1}, {}, {}, {}, {}, {}, std::byte{15}};

}  // namespace smtpseal::ntlm
