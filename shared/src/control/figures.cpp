#include "smtpseal/control/figures.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <charconv>
#include <limits>

namespace smtpseal::control {
namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
}

// None of our figures needs another character, and a terminal obeys some of those.
bool is_shown(char c) {
  return c >= 0x20 && c < 0x7F;
}

std::optional<double> parse_value(std::string_view text) {
  using Limits = std::numeric_limits<double>;
  if (text == "+Inf") return Limits::infinity();
  if (text == "-Inf") return -Limits::infinity();
  if (boost::algorithm::iequals(text, "NaN")) return Limits::quiet_NaN();
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// One line, read from left to right. Whatever is not there as it must be makes it bad, and stays so.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool is_bad() const { return bad_; }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  bool skip(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void expect(std::string_view text) { bad_ = !skip(text) || bad_; }

  std::string name() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_name_character);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    bad_ = bad_ || size == 0;
    std::string found(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return found;
  }

  // A label's value with its quotes.
  std::string quoted() {
    expect("\"");
    std::string text;
    while (!rest_.empty() && rest_.front() != '"') text += character();
    expect("\"");
    return text;
  }

 private:
  char character() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (c != '\\') return c;
    if (skip("\\")) return '\\';
    if (skip("\"")) return '"';
    expect("n");
    return '\n';
  }

  std::string_view rest_;
  bool bad_ = false;
};

std::optional<Sample> parse_sample(std::string_view text) {
  Line line(text);
  Sample sample;
  sample.name = line.name();
  if (line.skip("{")) {
    do {
      std::string name = line.name();
      line.expect("=");
      sample.labels.emplace_back(std::move(name), line.quoted());
    } while (!line.is_bad() && line.skip(","));
    line.expect("}");
  }
  line.expect(" ");
  const auto value = parse_value(line.rest());
  if (line.is_bad() || !value) return std::nullopt;
  sample.value = *value;
  return sample;
}

bool belongs(const Sample& sample, const Family& family) {
  if (!sample.name.starts_with(family.name)) return false;
  const auto suffix = std::string_view(sample.name).substr(family.name.size());
  return suffix.empty() ||
         (family.type == "histogram" && (suffix == "_bucket" || suffix == "_sum" || suffix == "_count"));
}

class Parser {
 public:
  bool take(std::string_view text) {
    if (!std::ranges::all_of(text, is_shown)) return false;
    Line line(text);
    if (line.skip("# HELP ")) return take_help(line);
    if (line.skip("# TYPE ")) return take_type(line);
    if (text.empty() || text.front() == '#') return true;
    auto sample = parse_sample(text);
    if (!sample || families_.empty() || families_.back().type.empty() || !belongs(*sample, families_.back()))
      return false;
    families_.back().samples.push_back(std::move(*sample));
    return true;
  }

  std::vector<Family> families() { return std::move(families_); }

 private:
  bool take_help(Line& line) {
    Family family;
    family.name = line.name();
    line.expect(" ");
    family.help = line.rest();
    families_.push_back(std::move(family));
    return !line.is_bad();
  }

  bool take_type(Line& line) {
    const std::string name = line.name();
    line.expect(" ");
    if (families_.empty() || families_.back().name != name) families_.push_back({name, {}, {}, {}});
    families_.back().type = line.rest();
    return !line.is_bad() && !families_.back().type.empty();
  }

  std::vector<Family> families_;
};

}  // namespace

std::string_view Sample::label(std::string_view wanted) const {
  const auto found =
      std::ranges::find(labels, wanted, [](const auto& each) -> std::string_view { return each.first; });
  return found == labels.end() ? std::string_view() : found->second;
}

std::optional<std::vector<Family>> parse_figures(std::string_view text) {
  Parser parser;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos || !parser.take(text.substr(0, end))) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  return parser.families();
}

}  // namespace smtpseal::control
