// Prints the section COMMANDS of smtpseal(1) as scdoc(5) source, from the tree of commands that smtpseal
// parses, so that the manual knows every command and option.
#include <iostream>

#include "all_commands.hpp"
#include "command_tree.hpp"

namespace {

using smtpseal::cli::Command;
using smtpseal::cli::Parameter;

// scdoc takes these for markup; an underscore within a word as well.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '*' || c == '_' || c == '\\' || c == '[' || c == '<' || c == '~' || c == '#') result += '\\';
    result += c;
  }
  return result;
}

std::string bold(const std::string& text) {
  return "*" + escaped(text) + "*";
}

std::string value_text(const Parameter& parameter) {
  if (parameter.choices.empty()) return "_" + escaped(parameter.value) + "_";
  std::string text;
  for (const auto& choice : parameter.choices) text += (text.empty() ? "" : "|") + bold(choice);
  return text;
}

std::string option_text(const Parameter& option) {
  std::string text;
  for (const auto& name : option.names) text += (text.empty() ? "" : ", ") + bold(name);
  return option.value.empty() ? text : text + " " + value_text(option);
}

std::string argument_text(const Parameter& argument) {
  const auto text = value_text(argument) + (argument.repeated ? "..." : "");
  return argument.required ? text : "\\[" + text + "]";
}

std::string synopsis(const Command& command) {
  std::string text = bold(command.path());
  if (command.options.size() > 1) text += " \\[_options_]";  // besides --help
  for (const auto& argument : command.arguments) text += " " + argument_text(argument);
  return text;
}

void print_parameters(const Command& command) {
  for (const auto& argument : command.arguments)
    std::cout << "\n\t" << value_text(argument) << "\n\t\t" << escaped(argument.purpose) << "\n";
  for (const auto& option : command.options) {
    if (option.names.back() == "--help") continue;
    std::cout << "\n\t" << option_text(option) << "\n\t\t" << escaped(option.purpose) << "\n";
  }
}

void print_command(const Command& command) {
  const bool is_group = !command.subcommands.empty() && !command.runs_alone;
  if (!is_group) {
    std::cout << "\n" << synopsis(command) << "\n\t" << escaped(command.purpose) << ".\n";
    if (!command.footer.empty()) std::cout << "\n\t" << escaped(command.footer) << "\n";
    print_parameters(command);
  }
  for (const auto& each : command.subcommands) print_command(each);
}

}  // namespace

int main() {
  smtpseal::cli::Context context;
  CLI::App app;
  smtpseal::cli::add_commands(app, context);
  const auto program = smtpseal::cli::command_tree(app);
  std::cout << "# COMMANDS\n\nOptions before the command:\n";
  print_parameters(program);
  for (const auto& each : program.subcommands) print_command(each);
  return std::cout.good() ? 0 : 1;
}
