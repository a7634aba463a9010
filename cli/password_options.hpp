// What the commands share that take a password.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace smtpseal::cli {

// Adds --password-file and the footer, and has arguments that nobody expects wait for
// refuse_stray_arguments().
void add_password_input(CLI::App& command, std::string& file);
// Throws a CLI::ParseError that does not show them: such an argument most often is a password. To be called
// by the command's callback.
void refuse_stray_arguments(const CLI::App& command);

}  // namespace smtpseal::cli
