// How sealed records are delimited on the wire: a 4-octet length, then signature and data. Which variant
// Exchange 5.x used is inferred, not known (docs/wire-formats.md); so all of them exist, as one small
// replaceable unit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace smtpseal::session {

enum class LengthOrder { big_endian, little_endian };
enum class SignaturePlace { leading, trailing };

struct Framing {
  LengthOrder length = LengthOrder::big_endian;
  SignaturePlace signature = SignaturePlace::leading;
  friend bool operator==(const Framing&, const Framing&) = default;
};

inline constexpr std::size_t kLengthSize = 4;

// "be-leading" (the default), "be-trailing", "le-leading", "le-trailing".
std::string_view name(Framing framing);
// The framing of that name; nullopt where there is none.
std::optional<Framing> framing_from(std::string_view text);

}  // namespace smtpseal::session
