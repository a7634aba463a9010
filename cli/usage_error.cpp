#include "usage_error.hpp"

#include <algorithm>

namespace smtpseal::cli {
namespace {

// The command that was being read.
const CLI::App& innermost(const CLI::App& app) {
  const auto read = app.get_subcommands();
  return read.empty() ? app : innermost(*read.back());
}

std::string path_of(const CLI::App& app) {
  const auto* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

std::string commands_of(const CLI::App& app) {
  std::string names;
  for (const auto* each : app.get_subcommands([](const CLI::App*) { return true; }))
    names += (names.empty() ? "" : ", ") + each->get_name();
  return names;
}

// A group of commands got none that it knows.
std::string missing_command(const CLI::App& group) {
  const auto words = group.remaining();
  const auto is_word = [](const std::string& word) { return !word.starts_with('-'); };
  const auto word = std::ranges::find_if(words, is_word);
  const auto what = word == words.end() ? "a command is missing" : "there is no command " + *word;
  return what + "; allowed are " + commands_of(group);
}

std::string option_name(const std::string& word) {
  return word.starts_with("--") ? word.substr(0, word.find('=')) : std::string();
}

// An option of the whole program that stands behind the command; empty: there is none.
std::string misplaced_option(const CLI::App& app, const CLI::App& command) {
  if (&command == &app) return {};
  for (const auto& word : command.remaining()) {
    auto name = option_name(word);
    if (!name.empty() && app.get_option_no_throw(name) != nullptr) return name;
  }
  return {};
}

std::string reason(const CLI::App& app, const CLI::App& command, const CLI::Error& error) {
  if (const auto option = misplaced_option(app, command); !option.empty())
    return option + " stands before the command: smtpseal " + option + " ... " +
           path_of(command).substr(app.get_name().size() + 1);
  const bool is_group = !command.get_subcommands([](const CLI::App*) { return true; }).empty();
  if (is_group && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return missing_command(command);
  return error.what();
}

}  // namespace

std::string usage_error(const CLI::App* app, const CLI::Error& error) {
  const auto& command = innermost(*app);
  return "smtpseal: " + reason(*app, command, error) + "\nsmtpseal: see " + path_of(command) + " --help\n";
}

}  // namespace smtpseal::cli
