// Text as JSON writes it (RFC 8259).
#pragma once

#include <string>
#include <string_view>

namespace smtpseal::cli {

// In double quotes. REQUIRES: UTF-8.
std::string json_string(std::string_view text);

}  // namespace smtpseal::cli
