// What the tables exported for Postfix and for Sendmail have in common.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/policy/policy_set.hpp"

namespace smtpseal::policy {

// The pattern, and its U-label form where it has one.
std::vector<std::string> spellings(const std::string& pattern);

// The comment a table begins with: `kind` says what it is, `command` what wrote it.
std::string table_header(const PolicySet& set, std::string_view kind, std::string_view command);

}  // namespace smtpseal::policy
