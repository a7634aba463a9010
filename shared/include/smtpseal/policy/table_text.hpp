// The common syntax of the three tables: one entry a line, words separated by blanks, "#" comments, blank
// lines. There are no continuation lines: a line that starts with a blank is refused, since it most often is
// an entry that was meant to count. A byte order mark at the start and CRLF line ends are tolerated. Pure;
// safe from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/policy/domain_map.hpp"

namespace smtpseal::policy {

// Longest line in octets; more than any account, secret and attributes can need.
inline constexpr std::size_t kMaxTableLine = 4096;

struct TableLine {
  unsigned number = 0;     // from 1
  std::size_t offset = 0;  // of the line in the text, so that an editor can replace it
  std::size_t size = 0;    // with its line end
  std::string_view text;   // without line end and trailing blanks
};

// Calls `entry` for every line that is neither blank nor a comment. A line that cannot be an entry (too long,
// starts with a blank, control characters, not UTF-8) is appended to `problems` instead. Returns the number
// of lines.
unsigned for_each_entry(std::string_view text, const std::string& file, std::vector<Problem>& problems,
                        const std::function<void(const TableLine&)>& entry);

enum class TrailingComments { no, yes };

// Reads the words of one line. A word, or the value of an attribute, may stand in double quotes, and then
// hold blanks; there is no escape character, so that DOMAIN\user needs none. Everything it returns borrows
// from the line.
class FieldReader {
 public:
  struct Attribute {
    std::string_view name;
    std::string_view value;
  };

  FieldReader(std::string_view line, TrailingComments comments) : rest_(line), comments_(comments) {}

  // True where only blanks, or a comment, are left.
  [[nodiscard]] bool at_end();
  // The next word. Empty where the line ends or problem() is set.
  [[nodiscard]] std::optional<std::string_view> word();
  // The next word as name=value. Empty where the line ends, the word has no such form, or problem() is set.
  [[nodiscard]] std::optional<Attribute> attribute();
  // What is left, without the blanks before it.
  [[nodiscard]] std::string_view rest();
  // What is wrong with the quotes; never shows the text itself, which may be a secret.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::optional<std::string_view> quoted();

  std::string_view rest_;
  TrailingComments comments_;
  std::string problem_;
};

// The account name of a table or attribute: why it cannot be one, or empty.
[[nodiscard]] std::string account_problem(std::string_view account);
// The form in which account names are compared: ASCII letters in lower case.
[[nodiscard]] std::string folded_account(std::string_view account);

// A pattern of the domains file in canonical form: a domain, ".domain", "*" or an address literal.
struct PatternParse {
  std::string pattern;
  std::string problem;  // set where there is no pattern
};
[[nodiscard]] PatternParse parse_pattern(std::string_view text);

// A word of a file for a message: in quotes, cut to a bounded length.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace smtpseal::policy
