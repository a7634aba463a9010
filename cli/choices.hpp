// An option whose value is one of a few words.
#pragma once

#include <CLI/CLI.hpp>
#include <boost/algorithm/string/join.hpp>
#include <string>
#include <vector>

namespace smtpseal::cli {

// Refuses other words, and shows the allowed ones in the help as "a|b".
inline CLI::Option* allow_only(CLI::Option* option, const std::vector<std::string>& words) {
  return option->type_name(boost::algorithm::join(words, "|"))->check(CLI::IsMember(words).description(""));
}

}  // namespace smtpseal::cli
