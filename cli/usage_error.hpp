// What is said about a command line that could not be understood.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace smtpseal::cli {

// "smtpseal: ...", what is allowed, and where to read on. `app` is the program, which threw `error`.
std::string usage_error(const CLI::App* app, const CLI::Error& error);

}  // namespace smtpseal::cli
