#include "smtpseal/config/params.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "loader.hpp"
#include "smtpseal/policy/checked_file.hpp"

namespace smtpseal::config {
namespace {

// A getter called with a name or type that is not declared: we are wrong, not the environment.
[[noreturn]] void panic(std::string_view name) {
  std::cerr << "smtpseal: panic: parameter " << name << " is not declared so\n";
  std::abort();
}

template <class Map>
const auto& value_of(const Map& values, std::string_view name) {
  const auto value = values.find(name);
  if (value == values.end()) panic(name);
  return value->second;
}

}  // namespace

const std::string& Values::text(std::string_view name) const {
  const auto& value = value_of(values_, name);
  if (value.type != Type::text && value.type != Type::choice) panic(name);
  return value.text;
}

std::int64_t Values::number(std::string_view name) const {
  const auto& value = value_of(values_, name);
  if (value.type != Type::seconds && value.type != Type::bytes && value.type != Type::count) panic(name);
  return value.number;
}

bool Values::flag(std::string_view name) const {
  const auto& value = value_of(values_, name);
  if (value.type != Type::flag) panic(name);
  return value.number != 0;
}

const std::vector<std::string>& Values::list(std::string_view name) const {
  const auto& value = value_of(values_, name);
  if (value.type != Type::list) panic(name);
  return value.list;
}

bool Values::is_default(std::string_view name) const {
  return value_of(values_, name).is_default;
}

std::vector<std::string> Values::differences(const Values& other) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values_)
    if (!value.is_same(value_of(other.values_, name))) names.push_back(name);
  return names;
}

Load load_text(std::string_view toml, const std::string& file, std::span<const Param> known) {
  return Loader(file, known).load(toml);
}

Load load_file(const std::string& file, std::span<const Param> known) {
  const auto read = policy::read_checked_file(file, policy::Confidential::no);
  if (!read.text) return {std::nullopt, {{{file, 0}, read.problem}}};
  return load_text(read.text->reveal(), file, known);
}

Load load_named_or_default(const std::string& named) {
  if (!named.empty()) return load_file(named, all_params());
  if (::access(kDefaultFile, F_OK) != 0 && errno == ENOENT) return load_text("", kDefaultFile, all_params());
  return load_file(kDefaultFile, all_params());
}

}  // namespace smtpseal::config
