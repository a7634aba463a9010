// Parameters of smtpseal.toml are declared once, in tables; the tables feed the loader, `smtpseal config
// show`, the manual and the test that nothing is undocumented.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/policy/domain_map.hpp"  // Problem

namespace smtpseal::config {

enum class Type {
  text,     // min and max: length in octets
  seconds,  // "30s", "5m", "2h" or an integer number of seconds
  bytes,    // "4096", "64K", "10M" or an integer
  count,
  flag,    // true | false
  choice,  // one of the words in `choices`, separated by "|"
  list,    // array of strings; min and max: number of elements; default_value in TOML syntax
};

struct Param {
  std::string_view name;  // "relay.line_limit": section and key of smtpseal.toml
  Type type;
  std::string_view default_value;
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view explanation;  // used as is in the manual
  std::string_view choices = {};
};

// Loaded values; immutable after load(). A getter for an undeclared name is our own error and aborts.
class Values {
 public:
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] std::int64_t number(std::string_view name) const;  // seconds, bytes, count
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& list(std::string_view name) const;
  [[nodiscard]] bool is_default(std::string_view name) const;
  // The names of the parameters that have another value in `other`, in alphabetical order.
  [[nodiscard]] std::vector<std::string> differences(const Values& other) const;

 private:
  friend struct Loader;
  struct Value {
    Type type;
    std::string text;
    std::int64_t number = 0;
    std::vector<std::string> list;
    bool is_default = true;

    [[nodiscard]] bool is_same(const Value& other) const {
      return text == other.text && number == other.number && list == other.list;
    }
  };
  std::map<std::string, Value, std::less<>> values_;
};

struct Load {
  std::optional<Values> values;  // empty where there is any problem
  std::vector<policy::Problem> problems;
};

// `known`: every parameter of every program (an unknown name in the file is a problem). Text form for tests
// and check.
Load load_text(std::string_view toml, const std::string& file, std::span<const Param> known);
Load load_file(const std::string& file, std::span<const Param> known);

inline constexpr const char* kDefaultFile = "/etc/smtpseal/smtpseal.toml";
// The file that was named; where none was, kDefaultFile, which may be absent, since every parameter has a
// default.
Load load_named_or_default(const std::string& named);

// Every parameter of every program, in the order of the manual.
std::span<const Param> all_params();

}  // namespace smtpseal::config
