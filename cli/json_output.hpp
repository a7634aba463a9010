// JSON for programs (RFC 8259), in the order in which it was put together.
#pragma once

#include <nlohmann/json.hpp>

namespace smtpseal::cli {

using Json = nlohmann::ordered_json;

// On standard output, indented. Octets that are not UTF-8 become U+FFFD.
void print_json(const Json& value);

}  // namespace smtpseal::cli
