// A session report for programs.
#pragma once

#include <nlohmann/json.hpp>

#include "session.hpp"

namespace smtpseal::analyze {

// Times are seconds since 1970. Lines are escaped as print_session() does it, so that every octet survives.
[[nodiscard]] nlohmann::ordered_json to_json(const SessionReport& report);

}  // namespace smtpseal::analyze
