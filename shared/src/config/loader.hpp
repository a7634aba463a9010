// From TOML to Values: the body of load_text(). toml++ stays inside loader.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "smtpseal/config/params.hpp"

namespace smtpseal::config {

struct Loader {
  Loader(std::string file_name, std::span<const Param> params) : file(std::move(file_name)), known(params) {}

  Load load(std::string_view toml);

  // One setting, as the parser found it: its value in `raw`, or what is wrong with it in `problem`.
  struct Raw {
    enum class Kind { text, integer, flag, list, other } kind = Kind::other;
    std::string text;  // the text; for the other kinds the value as it is shown in messages
    std::int64_t integer = 0;
    std::vector<std::string> list;
    bool only_texts = true;  // of a list
    unsigned line = 0;
  };
  // Sets values_[param.name]. Returns what is wrong, with what is allowed; empty where nothing is.
  std::string set(const Param& param, const Raw& raw, bool is_default);
  void set_default(const Param& param);
  void set_from_file(const std::string& name, const Raw& raw);
  void refuse(unsigned line, std::string text);

  std::string file;
  std::span<const Param> known;
  Values values;
  std::vector<policy::Problem> problems;
};

}  // namespace smtpseal::config
