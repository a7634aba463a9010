#include "smtpseal/policy/table_text.hpp"

#include <algorithm>

#include "unicode.hpp"

namespace smtpseal::policy {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// DNS names have 255 octets, Windows user names 256 characters; NTLM carries both (with room for UTF-8).
constexpr std::size_t kMaxAccount = 1024;
constexpr std::size_t kMaxShown = 100;

bool is_control(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return (octet < 0x20 && c != '\t') || octet == 0x7F;
}

std::string_view without_trailing_blanks(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::string line_problem(std::string_view text) {
  if (text.size() > kMaxTableLine)
    return "the line has more than " + std::to_string(kMaxTableLine) + " octets";
  if (std::any_of(text.begin(), text.end(), is_control)) return "the line holds a control character";
  if (!is_utf8(text)) return "the line is not UTF-8";
  if (kBlanks.find(text.front()) != std::string_view::npos) {
    return "the line starts with a blank; there are no continuation lines: write each entry on one line, "
           "from its start";
  }
  return {};
}

bool is_comment(std::string_view text) {
  const std::size_t start = text.find_first_not_of(kBlanks);
  return start == std::string_view::npos || text[start] == '#';
}

bool is_pattern_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

std::string domain_form_problem(std::string_view text) {
  if (text.find('@') != std::string_view::npos) return "is an address; a pattern is what stands behind the @";
  if (text.starts_with("*.")) return "is no pattern; for all subdomains write " + shown(text.substr(1));
  return "is no pattern; allowed are a domain, .domain (all its subdomains), an address literal and *";
}

}  // namespace

unsigned for_each_entry(std::string_view text, const std::string& file, std::vector<Problem>& problems,
                        const std::function<void(const TableLine&)>& entry) {
  unsigned number = 0;
  std::size_t offset = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  while (offset < text.size()) {
    const std::size_t end = std::min(text.find('\n', offset), text.size());
    TableLine line{++number, offset, std::min(end + 1, text.size()) - offset,
                   text.substr(offset, end - offset)};
    offset += line.size;
    if (line.text.ends_with('\r')) line.text.remove_suffix(1);
    line.text = without_trailing_blanks(line.text);
    if (is_comment(line.text)) continue;
    if (auto problem = line_problem(line.text); problem.empty()) {
      entry(line);
    } else {
      problems.push_back({{file, number}, std::move(problem)});
    }
  }
  return number;
}

bool FieldReader::at_end() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
  return rest_.empty() || (comments_ == TrailingComments::yes && rest_.front() == '#');
}

std::string_view FieldReader::rest() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
  return rest_;
}

// REQUIRES: rest_ starts with a double quote.
std::optional<std::string_view> FieldReader::quoted() {
  const std::size_t end = rest_.find('"', 1);
  if (end == std::string_view::npos) {
    problem_ = "a double quote is not closed";
    return std::nullopt;
  }
  const auto value = rest_.substr(1, end - 1);
  rest_.remove_prefix(end + 1);
  if (!rest_.empty() && kBlanks.find(rest_.front()) == std::string_view::npos) {
    problem_ = "a closing double quote must be followed by a blank";
    return std::nullopt;
  }
  return value;
}

std::optional<std::string_view> FieldReader::word() {
  if (at_end()) return std::nullopt;
  if (rest_.front() == '"') return quoted();
  const auto value = rest_.substr(0, rest_.find_first_of(kBlanks));
  rest_.remove_prefix(value.size());
  return value;
}

std::optional<FieldReader::Attribute> FieldReader::attribute() {
  if (at_end()) return std::nullopt;
  const std::size_t name_size = rest_.find_first_of("= \t\"");
  if (name_size == 0 || name_size == std::string_view::npos || rest_[name_size] != '=') return std::nullopt;
  const auto name = rest_.substr(0, name_size);
  rest_.remove_prefix(name_size + 1);
  if (rest_.empty() || kBlanks.find(rest_.front()) != std::string_view::npos) return Attribute{name, {}};
  const auto value = word();
  if (!value) return std::nullopt;
  return Attribute{name, *value};
}

std::string account_problem(std::string_view account) {
  const std::size_t slash = account.find('\\');
  const auto user = slash == std::string_view::npos ? account : account.substr(slash + 1);
  if (user.empty() || slash == 0) return "an account is DOMAIN\\user or user, and neither part is empty";
  if (user.find('\\') != std::string_view::npos) return "an account has at most one backslash: DOMAIN\\user";
  if (account.find('"') != std::string_view::npos) return "an account holds no double quote";
  if (account.size() > kMaxAccount)
    return "an account has at most " + std::to_string(kMaxAccount) + " octets";
  if (std::any_of(account.begin(), account.end(), is_control) || !is_utf8(account)) {
    return "an account is UTF-8 text without control characters";
  }
  return {};
}

std::string folded_account(std::string_view account) {
  std::string folded(account);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

PatternParse parse_pattern(std::string_view text) {
  if (text == "*") return {"*", {}};
  const bool subdomains = text.starts_with('.');
  const auto domain = canonical_domain(subdomains ? text.substr(1) : text);
  if (!domain) return {{}, shown(text) + " " + domain_form_problem(text)};
  const bool literal = domain->starts_with('[');
  if (literal && subdomains)
    return {{}, shown(text) + " is no pattern: an address literal has no subdomains"};
  if (!literal && !std::all_of(domain->begin(), domain->end(), is_pattern_char)) {
    return {{}, shown(text) + " " + domain_form_problem(text)};
  }
  return {subdomains ? "." + *domain : *domain, {}};
}

std::string shown(std::string_view text) {
  if (text.size() <= kMaxShown) return "\"" + std::string(text) + "\"";
  std::size_t end = kMaxShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;
  return "\"" + std::string(text.substr(0, end)) + "\"...";
}

}  // namespace smtpseal::policy
