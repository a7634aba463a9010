#include "smtpseal/version.hpp"

namespace smtpseal {

std::string_view version() {
  return SMTPSEAL_VERSION;
}

}  // namespace smtpseal
