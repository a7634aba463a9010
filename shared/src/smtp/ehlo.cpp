#include "smtpseal/smtp/ehlo.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "ascii.hpp"

namespace smtpseal::smtp {

namespace {

constexpr std::array<std::pair<std::string_view, bool Ehlo::*>, 7> kFlags{{
    {"PIPELINING", &Ehlo::pipelining},
    {"8BITMIME", &Ehlo::eightbitmime},
    {"SMTPUTF8", &Ehlo::smtputf8},
    {"DSN", &Ehlo::dsn},
    {"CHUNKING", &Ehlo::chunking},
    {"STARTTLS", &Ehlo::starttls},
    {"ENHANCEDSTATUSCODES", &Ehlo::enhanced_status_codes},
}};

bool contains(const std::vector<std::string>& mechanisms, std::string_view wanted) {
  return std::any_of(mechanisms.begin(), mechanisms.end(), [&](const std::string& mechanism) {
    return ascii::equal_ignoring_case(mechanism, wanted);
  });
}

void add_mechanisms(std::string_view names, std::vector<std::string>& mechanisms) {
  while (true) {
    const std::string_view mechanism = ascii::take_word(names);
    if (mechanism.empty()) return;
    if (!contains(mechanisms, mechanism)) mechanisms.push_back(ascii::upper(mechanism));
  }
}

// A limit that is not a number, or too large for one, is no limit that we could keep to.
std::uint64_t parse_size(std::string_view text) {
  std::uint64_t size = 0;
  const auto converted = std::from_chars(text.data(), text.data() + text.size(), size);
  return converted.ec == std::errc() && converted.ptr == text.data() + text.size() ? size : 0;
}

void add_line(std::string_view line, Ehlo& ehlo) {
  // "AUTH=LOGIN" is how servers spoke before RFC 2554; a "=" is in no keyword, so it may end one.
  const std::string_view keyword = line.substr(0, line.find_first_of(" \t="));
  const bool has_argument = keyword.size() < line.size();
  const std::string_view argument =
      has_argument ? ascii::trim(line.substr(keyword.size() + 1)) : std::string_view();
  const auto is = [&](std::string_view wanted) { return ascii::equal_ignoring_case(keyword, wanted); };

  if (is("AUTH")) return add_mechanisms(argument, ehlo.auth);
  if (is("XAUTH")) return add_mechanisms(argument, ehlo.xauth);
  if (is("SIZE")) {
    ehlo.size = true;
    ehlo.size_limit = parse_size(argument);
    return;
  }
  const auto* const flag =
      std::find_if(kFlags.begin(), kFlags.end(), [&](const auto& entry) { return is(entry.first); });
  if (flag != kFlags.end()) {
    ehlo.*flag->second = true;
  } else {
    ehlo.other.emplace_back(line);
  }
}

}  // namespace

bool Ehlo::offers_auth(std::string_view mechanism) const {
  return contains(auth, mechanism);
}

bool Ehlo::offers_xauth(std::string_view mechanism) const {
  return contains(xauth, mechanism);
}

Ehlo parse_ehlo(const Reply& reply) {
  Ehlo ehlo;
  if (reply.lines.empty()) return ehlo;
  ehlo.greeting = reply.lines.front();
  std::for_each(reply.lines.begin() + 1, reply.lines.end(),
                [&](const std::string& line) { add_line(ascii::trim(line), ehlo); });
  return ehlo;
}

}  // namespace smtpseal::smtp
