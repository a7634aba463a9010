// Parameters as smtpseal.toml writes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/config/params.hpp"

namespace smtpseal::cli {

// In double quotes, escaped (TOML 1.0).
std::string toml_string(std::string_view text);
std::string toml_list(const std::vector<std::string>& texts);
// The value of a parameter, such that reading it gives the same value.
std::string toml_value(const config::Values& values, const config::Param& param);

}  // namespace smtpseal::cli
