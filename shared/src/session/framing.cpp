#include "smtpseal/session/framing.hpp"

namespace smtpseal::session {

std::string_view name(Framing framing) {
  const bool is_leading = framing.signature == SignaturePlace::leading;
  if (framing.length == LengthOrder::big_endian) return is_leading ? "be-leading" : "be-trailing";
  return is_leading ? "le-leading" : "le-trailing";
}

std::optional<Framing> framing_from(std::string_view text) {
  for (const auto length : {LengthOrder::big_endian, LengthOrder::little_endian}) {
    for (const auto signature : {SignaturePlace::leading, SignaturePlace::trailing})
      if (const Framing framing{length, signature}; name(framing) == text) return framing;
  }
  return std::nullopt;
}

}  // namespace smtpseal::session
