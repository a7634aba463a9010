#include "smtpseal/status/forged.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "../smtp/ascii.hpp"
#include "cfws.hpp"
#include "smtpseal/status/authentication_results.hpp"
#include "smtpseal/status/status_header.hpp"

namespace smtpseal::status {
namespace {

using namespace smtp;

bool is_field(std::string_view name, std::string_view field) {
  return ascii::equal_ignoring_case(ascii::trim(name), field);
}

// Whatever a lenient reader could take away between the letters of a name is taken away.
std::string squeezed(std::string_view text) {
  std::string result;
  std::copy_if(text.begin(), text.end(), std::back_inserter(result), [](char c) {
    return is_authserv_id({&c, 1});
  });
  return ascii::upper(result);
}

// Also where comments are not balanced: whatever stands between a "(" and a ")" that fits it goes.
std::string without_comments(std::string_view text) {
  std::string result;
  std::vector<std::size_t> starts;  // of the comments that are open, in `result`
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      result += text[++i];
    } else if (text[i] == '(') {
      starts.push_back(result.size());
    } else if (text[i] == ')' && !starts.empty()) {
      result.resize(starts.back());
      starts.pop_back();
    } else {
      result += text[i];
    }
  }
  return result;
}

bool mentions(std::string_view text, std::string_view authserv_id) {
  while (authserv_id.ends_with('.')) authserv_id.remove_suffix(1);
  const std::string ours = ascii::upper(authserv_id);
  return squeezed(text).find(ours) != std::string::npos ||
         squeezed(without_comments(text)).find(ours) != std::string::npos;
}

// Octets that are not ASCII and encoded words (RFC 2047) can spell a name so that mentions() misses it.
bool may_hide_a_name(std::string_view text) {
  return std::any_of(text.begin(), text.end(), ascii::is_eight_bit) ||
         text.find("=?") != std::string_view::npos;
}

std::string_view leading_cfws(std::string_view value) {
  std::string_view rest = value;
  return skip_cfws(rest) ? value.substr(0, value.size() - rest.size()) : value;
}

bool are_results_forged(std::string_view value, std::string_view authserv_id) {
  const auto id = authserv_id_of(value);
  if (!id) return may_hide_a_name(value) || mentions(value, authserv_id);
  // Readers disagree about where a nested comment ends, so the name they find may stand in it.
  return is_same_host(*id, authserv_id) || mentions(leading_cfws(value), authserv_id);
}

bool is_status_forged(std::string_view value, std::string_view authserv_id) {
  const auto status = parse_status(value);
  return !status || status->by.empty() || is_same_host(status->by, authserv_id);
}

}  // namespace

bool is_forged(std::string_view name, std::string_view value, std::string_view authserv_id) {
  if (is_field(name, kResultsHeader)) return are_results_forged(value, authserv_id);
  if (is_field(name, kStatusHeader)) return is_status_forged(value, authserv_id);
  return false;
}

bool is_one_field(std::string_view value) {
  for (auto at = value.find_first_of("\r\n"); at != std::string_view::npos;
       at = value.find_first_of("\r\n", at)) {
    if (value[at] == '\r') ++at;
    if (at == value.size() || value[at] != '\n') return false;
    ++at;
    if (at == value.size() || (value[at] != ' ' && value[at] != '\t')) return false;
  }
  return true;
}

bool is_status_field(std::string_view name) {
  return is_field(name, kResultsHeader) || is_field(name, kStatusHeader);
}

}  // namespace smtpseal::status
