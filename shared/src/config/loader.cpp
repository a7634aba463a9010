#include "loader.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <optional>
#include <sstream>

#include "nearest.hpp"

namespace smtpseal::config {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t factor;
};
constexpr std::int64_t kKibi = 1024;
constexpr std::array kTimeUnits{Unit{"", 1}, Unit{"s", 1}, Unit{"m", 60}, Unit{"h", 3600}};
constexpr std::array kSizeUnits{Unit{"", 1}, Unit{"K", kKibi}, Unit{"M", kKibi* kKibi},
                                Unit{"G", kKibi* kKibi* kKibi}};

// A number with one of `units` behind it.
std::optional<std::int64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const auto& unit : units) {
    if (unit.suffix != suffix) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / unit.factor) return std::nullopt;
    return number * unit.factor;
  }
  return std::nullopt;
}

std::string range_text(const Param& param) {
  return std::to_string(param.min) + " to " + std::to_string(param.max);
}

bool in_range(const Param& param, std::int64_t number) {
  return number >= param.min && number <= param.max;
}

std::string what_is_allowed(const Param& param) {
  switch (param.type) {
    case Type::text:
      return "a text of " + range_text(param) + " octets without control characters";
    case Type::seconds:
      return range_text(param) + " seconds, as \"30s\", \"5m\", \"2h\" or a number";
    case Type::bytes:
      return range_text(param) + " octets, as \"4096\", \"64K\", \"10M\" or a number";
    case Type::count:
      return "a number from " + range_text(param);
    case Type::flag:
      return "true or false";
    case Type::choice:
      return "one of " + std::string(param.choices);
    case Type::list:
      return "a list of " + range_text(param) + " texts";
  }
  return {};
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool is_choice(std::string_view choices, std::string_view word) {
  while (true) {
    const std::size_t bar = std::min(choices.find('|'), choices.size());
    if (choices.substr(0, bar) == word) return !word.empty();
    if (bar == choices.size()) return false;
    choices.remove_prefix(bar + 1);
  }
}

std::optional<std::int64_t> number_of(const Param& param, const Loader::Raw& raw) {
  using Kind = Loader::Raw::Kind;
  if (raw.kind == Kind::integer) return raw.integer;
  if (raw.kind != Kind::text) return std::nullopt;
  if (param.type == Type::seconds) return parse_with_unit(raw.text, kTimeUnits);
  if (param.type == Type::bytes) return parse_with_unit(raw.text, kSizeUnits);
  return std::nullopt;
}

bool is_acceptable_text(const Param& param, const Loader::Raw& raw) {
  if (raw.kind != Loader::Raw::Kind::text) return false;
  if (param.type == Type::choice) return is_choice(param.choices, raw.text);
  return in_range(param, static_cast<std::int64_t>(raw.text.size())) && is_printable(raw.text);
}

bool is_acceptable_list(const Param& param, const Loader::Raw& raw) {
  return raw.kind == Loader::Raw::Kind::list && raw.only_texts &&
         in_range(param, static_cast<std::int64_t>(raw.list.size())) &&
         std::all_of(raw.list.begin(), raw.list.end(), is_printable);
}

Loader::Raw raw_list(const toml::array& array) {
  Loader::Raw raw;
  raw.kind = Loader::Raw::Kind::list;
  for (const auto& element : array) {
    if (const auto* text = element.as_string()) {
      raw.list.push_back(text->get());
    } else {
      raw.only_texts = false;
    }
  }
  return raw;
}

Loader::Raw raw_value(const toml::node& node) {
  using Kind = Loader::Raw::Kind;
  Loader::Raw raw;
  if (const auto* text = node.as_string()) {
    raw.kind = Kind::text;
    raw.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    raw.kind = Kind::integer;
    raw.integer = integer->get();
    raw.text = std::to_string(raw.integer);
  } else if (const auto* flag = node.as_boolean()) {
    raw.kind = Kind::flag;
    raw.integer = flag->get() ? 1 : 0;
    raw.text = flag->get() ? "true" : "false";
  } else if (const auto* array = node.as_array()) {
    raw = raw_list(*array);
  }
  raw.line = node.source().begin.line;
  return raw;
}

std::string shown_value(const Loader::Raw& raw) {
  constexpr std::size_t kMaxShown = 100;
  switch (raw.kind) {
    case Loader::Raw::Kind::integer:
    case Loader::Raw::Kind::flag:
      return " = " + raw.text;
    case Loader::Raw::Kind::list:
      return " = [" + std::to_string(raw.list.size()) + " elements]";
    case Loader::Raw::Kind::text:
      return is_printable(raw.text) ? " = \"" + raw.text.substr(0, kMaxShown) + "\"" : std::string();
    case Loader::Raw::Kind::other:
      break;
  }
  return {};
}

// A key with a dot in it, which only a quoted one can have, is nobody's and must not pass for section and
// key.
std::string shown_key(std::string_view key) {
  return key.find('.') == std::string_view::npos ? std::string(key) : "\"" + std::string(key) + "\"";
}

// Walks the sections; `prefix` is "" or "section.".
void read_table(Loader& loader, const toml::table& table, const std::string& prefix) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + shown_key(key.str());
    const auto* section = node.as_table();
    if (section != nullptr && prefix.empty()) {
      read_table(loader, *section, name + ".");
    } else {
      Loader::Raw raw = raw_value(node);
      raw.line = key.source().begin.line;
      loader.set_from_file(name, raw);
    }
  }
}

Loader::Raw default_raw(const Param& param) {
  Loader::Raw raw;
  if (param.type == Type::list) {
    const auto table = toml::parse("v = " + std::string(param.default_value));
    return raw_value(*table.get("v"));
  }
  raw.text = param.default_value;
  raw.kind = Loader::Raw::Kind::text;
  if (param.type == Type::flag) {
    raw.kind = Loader::Raw::Kind::flag;
    raw.integer = param.default_value == "true" ? 1 : 0;
  } else if (param.type == Type::count) {
    raw.kind = Loader::Raw::Kind::integer;
    raw.integer = parse_with_unit(param.default_value, std::array{Unit{"", 1}}).value_or(-1);
  }
  return raw;
}

}  // namespace

void Loader::refuse(unsigned line, std::string text) {
  problems.push_back({{file, line}, std::move(text)});
}

std::string Loader::set(const Param& param, const Raw& raw, bool is_default) {
  Values::Value value{param.type, {}, 0, {}, is_default};
  bool acceptable = false;
  switch (param.type) {
    case Type::text:
    case Type::choice:
      acceptable = is_acceptable_text(param, raw);
      value.text = raw.text;
      break;
    case Type::seconds:
    case Type::bytes:
    case Type::count: {
      const auto number = number_of(param, raw);
      acceptable = number && in_range(param, *number);
      value.number = number.value_or(0);
      break;
    }
    case Type::flag:
      acceptable = raw.kind == Raw::Kind::flag;
      value.number = raw.integer;
      break;
    case Type::list:
      acceptable = is_acceptable_list(param, raw);
      value.list = raw.list;
      break;
  }
  if (!acceptable)
    return std::string(param.name) + shown_value(raw) + ": allowed is " + what_is_allowed(param);
  values.values_[std::string(param.name)] = std::move(value);
  return {};
}

void Loader::set_default(const Param& param) {
  const auto problem = set(param, default_raw(param), true);
  if (problem.empty()) return;
  std::cerr << "smtpseal: panic: the default of a parameter is not allowed: " << problem << '\n';
  std::abort();
}

void Loader::set_from_file(const std::string& name, const Raw& raw) {
  const auto param = std::find_if(known.begin(), known.end(), [&](const Param& p) { return p.name == name; });
  if (param == known.end()) {
    const auto nearest = nearest_name(name, known);
    const std::string shown_name = is_printable(name) ? name.substr(0, 100) : "(not printable)";
    return refuse(raw.line, "unknown parameter " + shown_name +
                                (nearest.empty() ? std::string("; 'smtpseal config show' lists all of them")
                                                 : "; did you mean " + std::string(nearest) + "?"));
  }
  if (auto problem = set(*param, raw, false); !problem.empty()) refuse(raw.line, std::move(problem));
}

Load Loader::load(std::string_view toml) {
  for (const auto& param : known) set_default(param);
  try {
    read_table(*this, toml::parse(toml, file), "");
  } catch (const toml::parse_error& error) {
    refuse(error.source().begin.line, "not TOML: " + std::string(error.description()));
  }
  std::stable_sort(problems.begin(), problems.end(),
                   [](const auto& a, const auto& b) { return a.origin.line < b.origin.line; });
  if (!problems.empty()) return {std::nullopt, std::move(problems)};
  return {std::move(values), {}};
}

}  // namespace smtpseal::config
