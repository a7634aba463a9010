#include "path.hpp"

#include "ascii.hpp"

namespace smtpseal::smtp {

namespace {

constexpr std::string_view kAtomSpecials = "!#$%&'*+-/=?^_`{|}~.";
constexpr std::string_view kDomainSpecials = "-._";

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] std::size_t position() const { return position_; }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++position_;
    return true;
  }

  // "@a.example,@b.example:"
  bool take_source_route() {
    do {
      if (!take('@') || !take_domain()) return false;
    } while (take(','));
    return take(':');
  }

  bool take_local_part() {
    const std::size_t start = position_;
    while (take_quoted_string() || take_one(is_atom_octet)) {
    }
    // An unfinished quoted string stops the loop at its quote, which nothing that may follow a local part
    // matches.
    return position_ > start;
  }

  bool take_domain() {
    if (peek() == '[') return take_literal();
    const std::size_t start = position_;
    while (take_one(is_domain_octet)) {
    }
    return position_ > start;
  }

  [[nodiscard]] bool is_at(char octet) const { return peek() == octet; }

 private:
  static bool is_atom_octet(char c) {
    return ascii::is_alphanumeric(c) || ascii::is_eight_bit(c) ||
           kAtomSpecials.find(c) != std::string_view::npos;
  }
  static bool is_domain_octet(char c) {
    return ascii::is_alphanumeric(c) || ascii::is_eight_bit(c) ||
           kDomainSpecials.find(c) != std::string_view::npos;
  }
  static bool is_literal_octet(char c) { return ascii::is_visible(c) && c != '[' && c != ']' && c != '\\'; }
  static bool is_quotable(char c) { return !ascii::is_control(c); }

  // NUL, which no path may contain, stands for the end.
  [[nodiscard]] char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  bool take_one(bool (*is_wanted)(char)) {
    if (position_ >= text_.size() || !is_wanted(text_[position_])) return false;
    ++position_;
    return true;
  }

  // Takes all of it or nothing.
  bool take_quoted_string() {
    const std::size_t start = position_;
    if (!take('"')) return false;
    while (!take('"')) {
      take('\\');
      if (!take_one(is_quotable)) {
        position_ = start;
        return false;
      }
    }
    return true;
  }

  bool take_literal() {
    take('[');
    const std::size_t start = position_;
    while (take_one(is_literal_octet)) {
    }
    return position_ > start && take(']');
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace

std::optional<Path> scan_path(std::string_view argument) {
  Scanner scanner(argument);
  Path path;
  if (!scanner.take('<')) return std::nullopt;
  if (!scanner.is_at('>')) {
    if (scanner.is_at('@') && !scanner.take_source_route()) return std::nullopt;
    if (!scanner.take_local_part()) return std::nullopt;
    path.has_domain = scanner.take('@');
    if (path.has_domain && !scanner.take_domain()) return std::nullopt;
  }
  const std::size_t end = scanner.position();
  if (!scanner.take('>')) return std::nullopt;
  path.text = argument.substr(1, end - 1);
  path.size = end + 1;
  return path;
}

}  // namespace smtpseal::smtp
