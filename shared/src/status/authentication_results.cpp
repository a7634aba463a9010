#include "smtpseal/status/authentication_results.hpp"

#include <algorithm>

#include "../smtp/ascii.hpp"
#include "cfws.hpp"
#include "parameter_text.hpp"
#include "smtpseal/policy/address.hpp"

namespace smtpseal::status {
namespace {

using namespace smtp;
using session::Protection;
using session::SessionSecurity;

constexpr std::size_t kMaxId = 255;
constexpr std::size_t kMaxWord = 20;  // RFC 4422 3.1: the longest name of a mechanism

bool is_id_char(char c) {
  return ascii::is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
}

// Names of mechanisms and TLS versions come from elsewhere: only what cannot upset a comment stands in one.
std::string word(const std::string& text, std::string_view otherwise) {
  const bool is_plain =
      !text.empty() && text.size() <= kMaxWord && std::all_of(text.begin(), text.end(), is_id_char);
  return is_plain ? text : std::string(otherwise);
}

std::string comment(const SessionSecurity& security) {
  std::string text = word(security.mechanism, "SASL");
  text +=
      security.is_proven_sealed() ? ", sealed " + std::to_string(security.bits) + " bits" : ", not sealed";
  if (security.tls) text += ", " + word(security.tls->version, "TLS");
  return " (" + text + ")";
}

std::string user_of(const std::string& account) {
  const std::size_t slash = account.find('\\');
  return slash == std::string::npos ? account : account.substr(slash + 1);
}

std::string passed(const SessionSecurity& security, ShowAccount show) {
  std::string text = "auth=pass" + comment(security);
  const std::string user = user_of(security.account);
  if (show == ShowAccount::yes && !user.empty())
    text += " smtp.auth=" + quoted_if_needed(printable(user), kTokenSpecials);
  return text;
}

std::string result(const SessionSecurity& security, ShowAccount show) {
  switch (security.protection) {
    case Protection::authenticated:
    case Protection::sealed:
      return passed(security, show);
    case Protection::none:
      return "auth=none";
    case Protection::tls:
      return "auth=none (" + word(security.tls ? security.tls->version : "", "TLS") + ")";
    case Protection::unknown:
      break;
  }
  return "auth=temperror";
}

// Octets of a token (RFC 2045 5.1), or of the UTF-8 that RFC 8601 2.2 admits for internationalized mail.
bool is_claimed_id_char(char c) {
  return ascii::is_eight_bit(c) || is_token({&c, 1}, kTokenSpecials);
}

std::string take_token(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_claimed_id_char);
  std::string token(text.begin(), end);
  text.remove_prefix(token.size());
  return token;
}

// Empty where the quoted-string is not closed, or holds what a host's name cannot.
std::string take_quoted(std::string_view& text) {
  std::string content;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return content;
    }
    if (text[i] == '\\' && ++i == text.size()) break;
    if (!is_claimed_id_char(text[i])) break;
    content += text[i];
  }
  return {};
}

// RFC 8601 2.2: behind the authserv-id a version may stand, and then the results.
bool is_end_of_id(std::string_view text) {
  if (!skip_cfws(text)) return false;
  text.remove_prefix(
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), ascii::is_digit) - text.begin()));
  return skip_cfws(text) && (text.empty() || text.front() == ';');
}

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), ascii::is_eight_bit);
}

std::string_view without_final_dots(std::string_view name) {
  while (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

}  // namespace

std::string format_results(std::string_view authserv_id, const SessionSecurity& security, ShowAccount show) {
  return std::string(authserv_id) + "; " + result(security, show);
}

bool is_authserv_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxId && std::all_of(text.begin(), text.end(), is_id_char);
}

std::optional<std::string> authserv_id_of(std::string_view value) {
  if (!skip_cfws(value) || value.empty()) return std::nullopt;
  std::string id = value.front() == '"' ? take_quoted(value) : take_token(value);
  if (id.empty() || !is_end_of_id(value)) return std::nullopt;
  if (!is_ascii(id) && !policy::canonical_domain(id)) return std::nullopt;
  return id;
}

bool is_same_host(std::string_view one, std::string_view other) {
  one = without_final_dots(one);
  other = without_final_dots(other);
  const auto canonical = policy::canonical_domain(one);
  const auto canonical_other = policy::canonical_domain(other);
  if (canonical && canonical_other) return *canonical == *canonical_other;
  return ascii::equal_ignoring_case(one, other);
}

}  // namespace smtpseal::status
