#include "smtpseal/status/status_header.hpp"

#include <algorithm>
#include <array>

#include "../decimal.hpp"
#include "parameter_text.hpp"
#include "smtpseal/status/authentication_results.hpp"

namespace smtpseal::status {
namespace {

using session::Protection;
using session::SessionSecurity;

constexpr std::size_t kMaxValue = 4096;  // what all values at their longest, with every octet escaped, need
constexpr std::size_t kMaxLine = 78;     // RFC 5322 2.1.1
constexpr std::string_view kCipher = "RC4";  // of every NTLM seal ([MS-NLMP] 3.4.3)

// What the relay answers is for programs: it has the octet counts, and accounts to the letter. In a header
// the counts would grow stale, and foreign text could mislead a reader.
enum class Form { header, session };

struct Parameter {
  std::string_view name;
  std::string (*get)(const Status&);         // empty: left out
  bool (*set)(Status&, const std::string&);  // false: no such value
  bool is_in_header = true;
};

bool is_sealed(const Status& status) {
  return status.security.protection == Protection::sealed;
}

std::string number_text(std::uint64_t number) {
  return number == 0 ? "" : std::to_string(number);
}

template <class T>
bool set_number(T& to, std::string_view text) {
  const auto number = decimal<T>(text);
  to = number.value_or(0);
  return number.has_value();
}

bool set_text(std::string& to, const std::string& text) {
  to = text;
  return true;
}

session::Tls tls_of(const Status& status) {
  return status.security.tls.value_or(session::Tls{});
}

session::Tls& tls_of(Status& status) {
  if (!status.security.tls) status.security.tls.emplace();
  return *status.security.tls;
}

std::string response_text(const Status& status) {
  return status.security.response ? std::string(ntlm::name(*status.security.response)) : "";
}

bool set_response(Status& status, const std::string& text) {
  using enum ntlm::Response;
  for (const auto response : {lm, ntlmv1, ntlm2_session, ntlmv2})
    if (ntlm::name(response) == text) status.security.response = response;
  return status.security.response.has_value();
}

// name[address], as Postfix writes it.
std::string peer_text(const Status& status) {
  const SessionSecurity& security = status.security;
  if (security.peer_address.empty()) return security.peer_name;
  return security.peer_name + "[" + security.peer_address + "]";
}

bool set_peer(Status& status, const std::string& text) {
  const std::size_t bracket = text.ends_with(']') ? text.rfind('[') : std::string::npos;
  const bool has_address = bracket != std::string::npos && bracket + 2 < text.size();
  status.security.peer_name = has_address ? text.substr(0, bracket) : text;
  if (has_address) status.security.peer_address = text.substr(bracket + 1, text.size() - bracket - 2);
  return true;
}

// In the order of the text. Captureless lambdas, since a table of names is what a reader looks for.
const std::array kParameters{
    Parameter{"mech", [](const Status& s) { return s.security.mechanism; },
              [](Status& s, const std::string& v) { return set_text(s.security.mechanism, v); }},
    Parameter{"auth", &response_text, &set_response},
    Parameter{"cipher", [](const Status& s) { return std::string(is_sealed(s) ? kCipher : ""); },
              [](Status&, const std::string& v) { return v == kCipher; }},
    Parameter{"bits", [](const Status& s) { return number_text(is_sealed(s) ? s.security.bits : 0); },
              [](Status& s, const std::string& v) { return set_number(s.security.bits, v); }},
    Parameter{"tls", [](const Status& s) { return tls_of(s).version; },
              [](Status& s, const std::string& v) { return set_text(tls_of(s).version, v); }},
    Parameter{"tls-cipher", [](const Status& s) { return tls_of(s).cipher; },
              [](Status& s, const std::string& v) { return set_text(tls_of(s).cipher, v); }},
    Parameter{"tls-bits", [](const Status& s) { return number_text(tls_of(s).bits); },
              [](Status& s, const std::string& v) { return set_number(tls_of(s).bits, v); }},
    Parameter{"account", [](const Status& s) { return s.security.account; },
              [](Status& s, const std::string& v) { return set_text(s.security.account, v); }},
    Parameter{"would-reject", [](const Status& s) { return s.would_reject; },
              [](Status& s, const std::string& v) { return set_text(s.would_reject, v); }},
    Parameter{"reason",
              [](const Status& s) {
                return s.security.protection == Protection::unknown ? s.security.unknown_reason
                                                                    : std::string();
              },
              [](Status& s, const std::string& v) { return set_text(s.security.unknown_reason, v); }},
    Parameter{"sealed",
              [](const Status& s) { return is_sealed(s) ? std::to_string(s.security.octets_sealed) : ""; },
              [](Status& s, const std::string& v) { return set_number(s.security.octets_sealed, v); }, false},
    Parameter{"unsealed",
              [](const Status& s) { return is_sealed(s) ? std::to_string(s.security.octets_unsealed) : ""; },
              [](Status& s, const std::string& v) { return set_number(s.security.octets_unsealed, v); },
              false},
    Parameter{"id", [](const Status& s) { return s.security.session_id; },
              [](Status& s, const std::string& v) { return set_text(s.security.session_id, v); }, false},
    Parameter{"peer", &peer_text, &set_peer},
    Parameter{"by", [](const Status& s) { return s.by; },
              [](Status& s, const std::string& v) { return is_authserv_id(v) && set_text(s.by, v); }},
};

std::string write(const Status& status, Form form) {
  std::string text(session::name(status.security.protection));
  for (const Parameter& parameter : kParameters) {
    if (form == Form::header && !parameter.is_in_header) continue;
    const std::string full = parameter.get(status);
    if (full.empty()) continue;
    const std::string value = form == Form::header ? printable(full) : without_controls(full);
    text += "; " + std::string(parameter.name) + "=" + quoted_if_needed(value, kStatusSpecials);
  }
  return text;
}

// `piece` is name=value, perhaps with a blank before and ";" behind.
bool read_parameter(std::string_view piece, Status& status) {
  if (piece.starts_with(' ')) piece.remove_prefix(1);
  if (piece.ends_with(';')) piece.remove_suffix(1);
  const std::size_t equals = piece.find('=');
  if (equals == std::string_view::npos) return false;
  const auto parameter =
      std::find_if(kParameters.begin(), kParameters.end(),
                   [name = piece.substr(0, equals)](const Parameter& known) { return known.name == name; });
  if (parameter == kParameters.end()) return false;
  return parameter->set(status, unquoted(piece.substr(equals + 1)));
}

bool read_protection(std::string_view piece, Status& status) {
  if (piece.ends_with(';')) piece.remove_suffix(1);
  const auto protection = session::protection_from(piece);
  status.security.protection = protection.value_or(Protection::unknown);
  return protection.has_value();
}

std::optional<Status> read(std::string_view line) {
  Status status;
  if (!read_protection(take_piece(line), status)) return std::nullopt;
  while (!line.empty())
    if (!read_parameter(take_piece(line), status)) return std::nullopt;
  return status;
}

// A long name is cut rather than the address, which the peer cannot choose.
void shorten_name(SessionSecurity& security) {
  const std::size_t address = std::min(kMaxParameter, security.peer_address.size() + 2);
  security.peer_name.resize(std::min(security.peer_name.size(), kMaxParameter - address));
}

}  // namespace

std::string format_status(const Status& status, ShowAccount show) {
  Status shown = status;
  if (is_sealed(status) && !status.security.is_proven_sealed())
    shown.security.protection = Protection::authenticated;
  if (show == ShowAccount::no) shown.security.account.clear();
  if (!shown.security.peer_address.empty()) shorten_name(shown.security);
  return write(shown, Form::header);
}

std::string format_session(const SessionSecurity& security) {
  return write(Status{security, {}, {}}, Form::session);
}

std::string fold(std::string_view value, std::size_t name_length) {
  std::string text(take_piece(value));
  std::size_t column = name_length + 2 + text.size();  // ": "
  while (!value.empty()) {
    std::string_view piece = take_piece(value);
    if (column + piece.size() > kMaxLine && piece.starts_with(' ')) {
      piece.remove_prefix(1);
      text += "\n\t";
      column = 1;
    }
    text += piece;
    column += piece.size();
  }
  return text;
}

std::optional<Status> parse_status(std::string_view value) {
  if (value.size() > kMaxValue) return std::nullopt;
  const std::string line = unfolded(value);
  auto status = read(line);
  if (!status) return std::nullopt;
  const Form form = status->by.empty() ? Form::session : Form::header;
  // A header says "sealed" only of what was proven, and not by how many octets.
  if (form == Form::header && is_sealed(*status))
    status->security.octets_sealed = status->security.octets_unsealed = 1;
  // Only what would be written so is taken: that refuses every other order, repetition, quoting, number and
  // combination.
  if (write(*status, form) != line) return std::nullopt;
  return status;
}

}  // namespace smtpseal::status
