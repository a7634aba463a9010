// Completion scripts for shells, made from the tree of commands. Pure.
#pragma once

#include <string>

#include "command_tree.hpp"

namespace smtpseal::cli {

// For bash with bash-completion.
std::string bash_completion(const Command& program);
// For zsh: the text of a file _smtpseal in $fpath.
std::string zsh_completion(const Command& program);

}  // namespace smtpseal::cli
