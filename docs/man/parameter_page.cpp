// Prints the part of smtpseal.toml(5) that describes the parameters, in scdoc(5)'s syntax, out of their one
// declaration.
#include <cstdio>
#include <string>

#include "smtpseal/config/params.hpp"

namespace {

using smtpseal::config::Param;
using smtpseal::config::Type;

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '*' || c == '_' || c == '`') result += '\\';
    result += c;
  }
  return result;
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::text:
      return "text";
    case Type::seconds:
      return "seconds";
    case Type::bytes:
      return "octets";
    case Type::count:
      return "number";
    case Type::flag:
      return "flag";
    case Type::choice:
      return "choice";
    case Type::list:
      return "list";
  }
  return {};
}

std::string choices(std::string_view words) {
  std::string result;
  for (const char c : escaped(words)) result += c == '|' ? ", " : std::string(1, c);
  return result;
}

std::string allowed(const Param& param) {
  if (param.type == Type::flag) return "true or false";
  if (param.type == Type::choice) return "one of " + choices(param.choices);
  const std::string range = std::to_string(param.min) + " to " + std::to_string(param.max);
  if (param.type == Type::text) return range + " octets";
  if (param.type == Type::list) return range + " entries";
  return range;
}

std::string shown_default(const Param& param) {
  if (param.default_value.empty()) return "empty by default";
  return "default *" + escaped(param.default_value) + "*";
}

void print(const Param& param) {
  const std::string head = "*" + escaped(param.name.substr(param.name.find('.') + 1)) + "* (" +
                           std::string(type_name(param.type)) + ", " + shown_default(param) + "; " +
                           allowed(param) + ")";
  std::printf("%s\n\t%s\n\n", head.c_str(), escaped(param.explanation).c_str());
}

}  // namespace

int main() {
  std::string_view section;
  for (const Param& param : smtpseal::config::all_params()) {
    const auto its_section = param.name.substr(0, param.name.find('.'));
    if (its_section != section)
      std::printf("## [%.*s]\n\n", static_cast<int>(its_section.size()), its_section.data());
    section = its_section;
    print(param);
  }
  return 0;
}
