// An option whose value is one of a few words.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace smtpseal::cli {

// Refuses other words, and shows the allowed ones in the help as "a|b".
inline CLI::Option* allow_only(CLI::Option* option, const std::vector<std::string>& words) {
  std::string shown;
  for (const auto& word : words) shown += (shown.empty() ? "" : "|") + word;
  return option->type_name(shown)->check(CLI::IsMember(words).description(""));
}

}  // namespace smtpseal::cli
