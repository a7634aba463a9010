#include <map>

#include "commands.hpp"
#include "json_output.hpp"
#include "output.hpp"
#include "toml_text.hpp"

namespace smtpseal::cli {
namespace {

using config::Param;
using config::Values;

struct Options {
  bool changed_only = false;
  bool as_json = false;
};

const Values& defaults() {
  static const auto load = config::load_text("", "", config::all_params());
  return *load.values;
}

std::string section_of(const Param& param) {
  return std::string(param.name.substr(0, param.name.find('.')));
}

std::string key_of(const Param& param) {
  return std::string(param.name.substr(param.name.find('.') + 1));
}

// Set in the file to another value than the default.
bool is_changed(const Values& values, const Param& param) {
  return toml_value(values, param) != toml_value(defaults(), param);
}

std::string remark(const Values& values, const Param& param) {
  if (is_changed(values, param)) return "  # default: " + toml_value(defaults(), param);
  return values.is_default(param.name) ? "" : "  # set, and the default";
}

// Sections that come back later in the declaration would be tables defined twice: each is printed once.
void print_toml(Context& context, const Options& options) {
  const auto& values = context.values();
  std::vector<std::string> order;
  std::map<std::string, std::string> sections;
  for (const auto& param : config::all_params()) {
    if (options.changed_only && values.is_default(param.name)) continue;
    const auto section = section_of(param);
    if (!sections.contains(section)) order.push_back(section);
    const auto setting = key_of(param) + " = " + toml_value(values, param);
    const auto tone = is_changed(values, param) ? Tone::caution : Tone::faint;
    sections[section] += (is_changed(values, param) ? toned(std::cout, Tone::strong, setting) : setting) +
                         toned(std::cout, tone, remark(values, param)) + "\n";
  }
  std::cout << toned(std::cout, Tone::faint, "# " + context.config_path()) << '\n';
  for (const auto& section : order)
    std::cout << '\n' << toned(std::cout, Tone::strong, "[" + section + "]") << '\n' << sections[section];
}

Json json_value(const Values& values, const Param& param) {
  using config::Type;
  switch (param.type) {
    case Type::text:
    case Type::choice:
      return values.text(param.name);
    case Type::seconds:
    case Type::bytes:
    case Type::count:
      return values.number(param.name);
    case Type::flag:
      return values.flag(param.name);
    case Type::list:
      return values.list(param.name);
  }
  return nullptr;
}

Json as_json(Context& context, const Options& options) {
  const auto& values = context.values();
  Json parameters = Json::object();
  for (const auto& param : config::all_params()) {
    if (options.changed_only && values.is_default(param.name)) continue;
    parameters[std::string(param.name)] = {{"value", json_value(values, param)},
                                           {"default", json_value(defaults(), param)},
                                           {"set", !values.is_default(param.name)}};
  }
  return {{"file", context.config_path()}, {"parameters", std::move(parameters)}};
}

int show(Context& context, const Options& options) {
  if (options.as_json) {
    print_json(as_json(context, options));
  } else {
    print_toml(context, options);
  }
  return kSuccess;
}

}  // namespace

void add_config_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("config", "The parameters of smtpseal.toml");
  command->require_subcommand(1);
  auto* show_command = command->add_subcommand(
      "show", "Print every parameter with its value, as a smtpseal.toml would have it");
  auto options = std::make_shared<Options>();
  show_command->add_flag("--changed", options->changed_only, "Those alone that smtpseal.toml sets");
  show_command->add_flag("--json", options->as_json, "For programs; times in seconds, sizes in octets");
  show_command->callback([&context, options] { context.status = show(context, *options); });
}

}  // namespace smtpseal::cli
