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

}  // namespace smtpseal::session
