// The tree of commands as CLI11 holds it, in the form in which completions and the manual page need it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace smtpseal::cli {

// What an option or an argument takes.
struct Parameter {
  std::vector<std::string> names;  // "-h", "--help"; empty for an argument that goes by its place
  std::string value;               // "FILE", or the name of the argument; empty: a flag
  std::vector<std::string> choices;
  std::string purpose;
  bool required = false;
  bool repeated = false;  // takes all that follow
};

struct Command {
  std::vector<std::string> words;  // "smtpseal", "domain", "add"
  std::string purpose;
  std::string footer;
  bool runs_alone = false;  // has subcommands, and does something without one too
  std::vector<Parameter> options;
  std::vector<Parameter> arguments;
  std::vector<Command> subcommands;

  [[nodiscard]] std::string path() const;  // "smtpseal domain add"
};

Command command_tree(const CLI::App& app);

}  // namespace smtpseal::cli
