// How subcommands print: problems one a line, lists in aligned columns; colour on a terminal, plain in a
// pipe.
#pragma once

#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "smtpseal/policy/policy_set.hpp"

namespace smtpseal::cli {

// Whether the descriptor is a terminal that can do more than take lines.
[[nodiscard]] bool is_terminal(int descriptor);

// When standard output and standard error are coloured. automatic: where it is a terminal, TERM is not "dumb"
// and NO_COLOR is not set.
enum class ColorMode { automatic, always, never };
// For the whole process; main() sets it from --color before a subcommand runs.
void set_color_mode(ColorMode mode);

enum class Tone { good, caution, bad, faint, strong };
// The text as it is to be written to std::cout or std::cerr, with the colour where that stream has any.
std::string toned(const std::ostream& to, Tone tone, const std::string& text);

void print_problems(std::ostream& to, std::span<const policy::Problem> problems);
void print_warnings(std::ostream& to, std::span<const std::string> warnings);

// "1 rule", "2 rules".
std::string counted(std::size_t count, const std::string& noun);

// Rows of cells, printed with columns as wide as their widest cell. The first row is the heading.
class Columns {
 public:
  explicit Columns(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }
  // REQUIRES: as many cells as the heading has.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print(std::ostream& to) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Names and values, a pair a line, the values aligned.
class Facts {
 public:
  void add(std::string name, std::string value) { rows_.emplace_back(std::move(name), std::move(value)); }
  void print(std::ostream& to) const;

 private:
  std::vector<std::pair<std::string, std::string>> rows_;
};

}  // namespace smtpseal::cli
