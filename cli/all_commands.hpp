// The whole command line, for main() and for what is generated from it.
#pragma once

#include <CLI/CLI.hpp>

#include "context.hpp"

namespace smtpseal::cli {

// Declares the global options and every subcommand. `context` must outlive `app`.
void add_commands(CLI::App& app, Context& context);

}  // namespace smtpseal::cli
