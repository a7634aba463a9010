// Edits one of the three tables: comments and order stay, and no edit that would break the set of rules is
// made.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "context.hpp"
#include "smtpseal/policy/checked_file.hpp"
#include "smtpseal/policy/table_text.hpp"

namespace smtpseal::cli {

class TableEditor {
 public:
  // Which of the tables is edited.
  using Member = std::string policy::PolicyFiles::*;

  // Locks the directory of the table against other editors and reads the table; one that does not exist is
  // empty. Throws Failure.
  TableEditor(Context& context, Member table);
  TableEditor(const TableEditor&) = delete;
  TableEditor& operator=(const TableEditor&) = delete;
  ~TableEditor();

  [[nodiscard]] const std::string& file() const { return file_; }
  // The line whose first word `matches`. Throws Failure where there are several. Borrows until the next edit.
  [[nodiscard]] std::optional<policy::TableLine> find(
      const std::function<bool(std::string_view)>& matches) const;

  void append_line(std::string_view line);
  void remove_line(const policy::TableLine& line);
  // REQUIRES: `part` borrows from a line that find() returned.
  void replace(std::string_view part, std::string_view with);

  // Validates the whole set with the edited table in place of the old one, then replaces it, makes the
  // running daemons reload, and prints `done` and what is still wrong or weak. Throws Failure, with nothing
  // changed, where the edit would add a problem. Returns the exit status: 1 where the set has problems that
  // it had before, or a daemon refuses to reload.
  int commit(const std::string& done);

 private:
  void splice(std::size_t offset, std::size_t size, std::string_view with);

  Context& context_;
  Member table_;
  std::string file_;
  policy::Confidential confidential_;
  int lock_ = -1;
  SecretText text_;
};

// Option --no-reload, for commands that edit a table.
void add_no_reload_option(CLI::App& command, Context& context);

// For TableEditor::find(): the entry of an account, in any case.
std::function<bool(std::string_view)> is_account(const std::string& account);

// Throws Failure where the `attribute` of a rule, written as `name`, is the account, which is to be removed.
void refuse_where_named(Context& context, const std::string& account, const std::string& name,
                        std::string policy::DomainRule::*attribute);

// A name or value as it must stand in a line: in double quotes where it holds blanks.
std::string quoted_if_needed(std::string_view word);
// name=value as it must stand in a line.
std::string attribute_text(const std::string& argument);

}  // namespace smtpseal::cli
