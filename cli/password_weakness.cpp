#include "password_weakness.hpp"

#include <algorithm>
#include <array>
#include <boost/algorithm/string/predicate.hpp>
#include <string>

namespace smtpseal::cli {
namespace {

constexpr std::size_t kShort = 12;

// Without the digits and signs around it, since those are tried as well.
constexpr std::array<std::string_view, 20> kObvious{"admin",   "changeme", "exchange", "geheim",  "iloveyou",
                                                    "letmein", "mail",     "master",   "monkey",  "ntlm",
                                                    "pass",    "passw0rd", "password", "qwerty",  "qwertz",
                                                    "secret",  "smtpseal", "test",     "welcome", "winter"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

std::string_view core(std::string_view text) {
  const auto begin = std::ranges::find_if(text, is_letter);
  const auto end = std::find_if(text.rbegin(), text.rend(), is_letter).base();
  return begin < end ? std::string_view(begin, end) : std::string_view();
}

}  // namespace

std::string password_weakness(std::string_view password, std::string_view user) {
  if (password.size() < kShort) return "the password has less than " + std::to_string(kShort) + " characters";
  const auto word = core(password);
  const auto is_word = [&](std::string_view each) { return boost::algorithm::iequals(word, each); };
  if (word.empty()) return "the password has no letters";
  if (is_word(core(user))) return "the password is the name of the account, or nearly so";
  if (std::ranges::any_of(kObvious, is_word)) return "the password is a word that everybody tries";
  if (std::ranges::all_of(password, [&](char c) { return c == password.front(); }))
    return "the password is one character, repeated";
  return {};
}

}  // namespace smtpseal::cli
