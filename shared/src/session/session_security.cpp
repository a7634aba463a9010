#include "smtpseal/session/session_security.hpp"

namespace smtpseal::session {

std::string_view name(Protection protection) {
  switch (protection) {
    case Protection::none:
      return "none";
    case Protection::tls:
      return "tls";
    case Protection::authenticated:
      return "authenticated";
    case Protection::sealed:
      return "sealed";
    case Protection::unknown:
      return "unknown";
  }
  return "unknown";
}

std::optional<Protection> protection_from(std::string_view text) {
  using enum Protection;
  for (const Protection protection : {none, tls, authenticated, sealed, unknown})
    if (name(protection) == text) return protection;
  return std::nullopt;
}

}  // namespace smtpseal::session
