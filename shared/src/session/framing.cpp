#include "smtpseal/session/framing.hpp"

namespace smtpseal::session {

std::string_view name(Framing framing) {
  const bool is_leading = framing.signature == SignaturePlace::leading;
  if (framing.length == LengthOrder::big_endian) return is_leading ? "be-leading" : "be-trailing";
  return is_leading ? "le-leading" : "le-trailing";
}

}  // namespace smtpseal::session
