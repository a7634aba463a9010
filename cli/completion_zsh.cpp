#include "completion.hpp"

#include <boost/algorithm/string/join.hpp>

namespace smtpseal::cli {
namespace {

// Within single quotes, and within [...] of _arguments or before the ":" of _describe.
std::string quoted(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else if (c == '[' || c == ']' || c == ':' || c == '\\') {
      result += {'\\', c};
    } else {
      result += c;
    }
  }
  return result;
}

std::string action(const Parameter& parameter) {
  if (!parameter.choices.empty()) return "(" + boost::algorithm::join(parameter.choices, " ") + ")";
  if (parameter.value == "FILE" || parameter.value == "CAPTURE") return "_files";
  if (parameter.value == "DIRECTORY") return "_files -/";
  if (parameter.value == "PATTERN") return "_smtpseal_patterns";
  return " ";
}

std::string function_name(const Command& command) {
  std::string name;
  for (const auto& word : command.words) name += "_" + word;
  return name;
}

// One line for each name of an option.
std::string option_lines(const Parameter& option) {
  const std::string value = option.value.empty() ? "" : ":" + quoted(option.value) + ":" + action(option);
  std::string text;
  for (const auto& name : option.names)
    text += " \\\n    '" + name + "[" + quoted(option.purpose) + "]" + value + "'";
  return text;
}

std::string argument_line(const Parameter& argument, std::size_t place) {
  const std::string number = argument.repeated ? "*" : std::to_string(place);
  return " \\\n    '" + number + ":" + quoted(argument.value) + ":" + action(argument) + "'";
}

void add_function(std::string& script, const Command& command) {
  script += function_name(command) + "() {\n";
  if (!command.subcommands.empty())
    script += "  local context state state_descr line\n  typeset -A opt_args\n";
  script += command.subcommands.empty() ? "  _arguments" : "  _arguments -C";
  for (const auto& option : command.options) script += option_lines(option);
  for (std::size_t i = 0; i < command.arguments.size(); ++i)
    script += argument_line(command.arguments[i], i + 1);
  if (command.subcommands.empty()) {
    script += "\n}\n";
    return;
  }
  script += " \\\n    '1:command:->command' \\\n    '*::argument:->rest'\n  case $state in\n    command)\n";
  script += "      local -a commands=(";
  for (const auto& each : command.subcommands)
    script += "\n        '" + each.words.back() + ":" + quoted(each.purpose) + "'";
  script += ")\n      _describe command commands ;;\n    rest)\n      case $words[1] in\n";
  for (const auto& each : command.subcommands)
    script += "        " + each.words.back() + ") " + function_name(each) + " ;;\n";
  script += "      esac ;;\n  esac\n}\n";
  for (const auto& each : command.subcommands) add_function(script, each);
}

}  // namespace

std::string zsh_completion(const Command& program) {
  std::string script =
      "#compdef smtpseal\n"
      "# zsh completion for smtpseal(1), made by: smtpseal completion zsh\n"
      "_smtpseal_patterns() {\n"
      "  local -a patterns=(${(f)\"$(smtpseal domain list --names 2>/dev/null)\"})\n"
      "  compadd -a patterns\n"
      "}\n";
  add_function(script, program);
  return script + "_smtpseal \"$@\"\n";
}

}  // namespace smtpseal::cli
