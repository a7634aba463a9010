#include "toml_text.hpp"

#include <array>
#include <cstdio>

namespace smtpseal::cli {
namespace {

struct Unit {
  std::int64_t factor;
  const char* suffix;
};

// "2h" rather than 7200, where nothing is lost.
std::string with_unit(std::int64_t number, std::initializer_list<Unit> units) {
  for (const auto& unit : units) {
    if (number != 0 && number % unit.factor == 0)
      return "\"" + std::to_string(number / unit.factor) + unit.suffix + "\"";
  }
  return std::to_string(number);
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04X", static_cast<unsigned>(c));
      quoted += escaped.data();
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string toml_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const auto& text : texts) list += (list.empty() ? "" : ", ") + toml_string(text);
  return "[" + list + "]";
}

std::string toml_value(const config::Values& values, const config::Param& param) {
  using config::Type;
  switch (param.type) {
    case Type::text:
    case Type::choice:
      return toml_string(values.text(param.name));
    case Type::seconds:
      return with_unit(values.number(param.name), {{3600, "h"}, {60, "m"}, {1, "s"}});
    case Type::bytes:
      return with_unit(values.number(param.name), {{1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}});
    case Type::count:
      return std::to_string(values.number(param.name));
    case Type::flag:
      return values.flag(param.name) ? "true" : "false";
    case Type::list:
      return toml_list(values.list(param.name));
  }
  return {};
}

}  // namespace smtpseal::cli
