// The declared name that a mistyped one most likely means.
#pragma once

#include <span>
#include <string_view>

#include "smtpseal/config/params.hpp"

namespace smtpseal::config {

// The declared name with the smallest edit distance; empty where even that one is too far to be meant.
[[nodiscard]] std::string_view nearest_name(std::string_view name, std::span<const Param> known);

}  // namespace smtpseal::config
