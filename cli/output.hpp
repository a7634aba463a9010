// How subcommands print: problems one a line, lists in aligned columns.
#pragma once

#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "smtpseal/policy/policy_set.hpp"

namespace smtpseal::cli {

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

}  // namespace smtpseal::cli
