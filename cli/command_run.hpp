// Runs another program and waits for it.
#pragma once

#include <string>
#include <vector>

namespace smtpseal::cli {

// Returns what it wrote to standard output and error. Throws Failure with that where it cannot be run or its
// exit status is not 0. REQUIRES: a program's name, found by PATH, then its arguments.
std::string run_command(const std::vector<std::string>& words);

// Returns standard output alone, with standard input from `input`. Throws Failure with standard error.
std::string run_filter(const std::vector<std::string>& words, const std::string& input);

// Whether PATH, or a directory of programs for the administrator, has the program.
[[nodiscard]] bool has_command(const std::string& name);

// Everything that comes from a descriptor until its end, or until it fails.
std::string read_to_end(int input);

}  // namespace smtpseal::cli
