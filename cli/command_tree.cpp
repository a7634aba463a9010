#include "command_tree.hpp"

#include <algorithm>
#include <boost/algorithm/string/join.hpp>

namespace smtpseal::cli {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find(separator, begin), text.size());
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// CLI::IsMember shows its words as "{a,b}"; a type name of ours as "a|b".
std::vector<std::string> choices_in(const std::string& type) {
  const auto open = type.find('{');
  const auto close = type.find('}');
  if (open != std::string::npos && close != std::string::npos && close > open)
    return split(type.substr(open + 1, close - open - 1), ',');
  return type.find('|') == std::string::npos ? std::vector<std::string>() : split(type, '|');
}

std::string without_choices(const std::string& type) {
  return type.substr(0, type.find_first_of(":{"));
}

Parameter parameter_of(const CLI::Option& option) {
  Parameter parameter;
  for (const auto& name : option.get_snames()) parameter.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) parameter.names.push_back("--" + name);
  const bool is_argument = parameter.names.empty();
  const bool takes_value = option.get_items_expected_max() > 0;
  parameter.choices = choices_in(option.get_type_name());
  if (is_argument) {
    parameter.value = option.get_name(true);
  } else if (takes_value) {
    const auto type = without_choices(option.get_type_name());
    parameter.value = type.empty() ? "VALUE" : type;
  }
  parameter.purpose = option.get_description();
  parameter.required = option.get_required();
  parameter.repeated = is_argument && option.get_items_expected_max() > 1;
  return parameter;
}

Command command_of(const CLI::App& app, std::vector<std::string> words) {
  Command command;
  command.words = std::move(words);
  command.words.push_back(app.get_name());
  command.purpose = app.get_description();
  command.footer = app.get_footer();
  command.runs_alone = app.get_require_subcommand_min() == 0;
  for (const auto* option : app.get_options()) {
    auto parameter = parameter_of(*option);
    (parameter.names.empty() ? command.arguments : command.options).push_back(std::move(parameter));
  }
  for (const auto* each : app.get_subcommands([](const CLI::App*) { return true; }))
    command.subcommands.push_back(command_of(*each, command.words));
  return command;
}

}  // namespace

std::string Command::path() const {
  return boost::algorithm::join(words, " ");
}

Command command_tree(const CLI::App& app) {
  return command_of(app, {});
}

}  // namespace smtpseal::cli
