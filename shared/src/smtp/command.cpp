#include "smtpseal/smtp/command.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "ascii.hpp"
#include "path.hpp"

namespace smtpseal::smtp {

namespace {

constexpr std::array<std::pair<Verb, std::string_view>, 20> kVerbs{{
    {Verb::helo, "HELO"},         {Verb::ehlo, "EHLO"},       {Verb::lhlo, "LHLO"},
    {Verb::mail, "MAIL"},         {Verb::rcpt, "RCPT"},       {Verb::data, "DATA"},
    {Verb::bdat, "BDAT"},         {Verb::rset, "RSET"},       {Verb::noop, "NOOP"},
    {Verb::quit, "QUIT"},         {Verb::vrfy, "VRFY"},       {Verb::expn, "EXPN"},
    {Verb::help, "HELP"},         {Verb::auth, "AUTH"},       {Verb::xauth, "XAUTH"},
    {Verb::starttls, "STARTTLS"}, {Verb::etrn, "ETRN"},       {Verb::xclient, "XCLIENT"},
    {Verb::xforward, "XFORWARD"}, {Verb::xexch50, "XEXCH50"},
}};

// esmtp-keyword of RFC 5321 4.1.2.
bool is_keyword(std::string_view text) {
  return !text.empty() && ascii::is_alphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return ascii::is_alphanumeric(c) || c == '-'; });
}

// esmtp-value of RFC 5321 4.1.2 and RFC 6531 3.3.
bool is_parameter_value(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (ascii::is_visible(c) && c != '=') || ascii::is_eight_bit(c);
  });
}

std::optional<Parameter> parse_parameter(std::string_view word) {
  const std::size_t equals = word.find('=');
  Parameter parameter;
  parameter.keyword = ascii::upper(word.substr(0, equals));
  parameter.has_value = equals != std::string_view::npos;
  if (parameter.has_value) parameter.value = word.substr(equals + 1);
  if (!is_keyword(parameter.keyword)) return std::nullopt;
  if (parameter.has_value && !is_parameter_value(parameter.value)) return std::nullopt;
  return parameter;
}

Result<> parse_parameters(std::string_view text, Envelope& envelope) {
  while (true) {
    const std::string_view word = ascii::take_word(text);
    if (word.empty()) return {};
    auto parameter = parse_parameter(word);
    if (!parameter || envelope.parameters.size() == kMaxParameters)
      return make_error_code(errc::bad_parameter);
    if (envelope.find(parameter->keyword) != nullptr) return make_error_code(errc::bad_parameter);
    envelope.parameters.push_back(std::move(*parameter));
  }
}

// A local part alone is taken, although RFC 5321 allows it for the postmaster only: old appliances send it,
// and what becomes of it is the MTA's to say.
bool is_acceptable_sender(const Path&) {
  return true;
}

bool is_acceptable_recipient(const Path& path) {
  return !path.text.empty();
}

Result<Envelope> parse_envelope(std::string_view argument, std::string_view prefix,
                                bool (*is_acceptable)(const Path&)) {
  if (!ascii::equal_ignoring_case(argument.substr(0, prefix.size()), prefix)) {
    return make_error_code(errc::bad_syntax);
  }
  argument = ascii::trim(argument.substr(prefix.size()));
  const auto path = scan_path(argument);
  if (!path || !is_acceptable(*path)) return make_error_code(errc::bad_path);
  argument.remove_prefix(path->size);
  if (!argument.empty() && !ascii::is_blank(argument.front())) return make_error_code(errc::bad_syntax);

  Envelope envelope;
  envelope.path = path->text;
  if (const auto parsed = parse_parameters(argument, envelope); !parsed) return parsed.error();
  return envelope;
}

}  // namespace

Command parse_command(std::string_view line) {
  Command command;
  command.name = line.substr(0, line.find(' '));
  command.argument = ascii::trim(line.substr(command.name.size()));
  const auto* const known = std::find_if(kVerbs.begin(), kVerbs.end(), [&](const auto& entry) {
    return ascii::equal_ignoring_case(entry.second, command.name);
  });
  if (known != kVerbs.end()) command.verb = known->first;
  return command;
}

std::string_view name(Verb verb) {
  const auto* const known =
      std::find_if(kVerbs.begin(), kVerbs.end(), [&](const auto& entry) { return entry.first == verb; });
  return known == kVerbs.end() ? "UNKNOWN" : known->second;
}

const Parameter* Envelope::find(std::string_view keyword) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& parameter) {
    return ascii::equal_ignoring_case(parameter.keyword, keyword);
  });
  return found == parameters.end() ? nullptr : &*found;
}

Result<Envelope> parse_mail(std::string_view argument) {
  return parse_envelope(argument, "FROM:", is_acceptable_sender);
}

Result<Envelope> parse_rcpt(std::string_view argument) {
  return parse_envelope(argument, "TO:", is_acceptable_recipient);
}

std::string format_envelope(std::string_view prefix, const Envelope& envelope) {
  std::string text(prefix);
  text.append("<").append(envelope.path).append(">");
  for (const Parameter& parameter : envelope.parameters) {
    text.append(" ").append(parameter.keyword);
    if (parameter.has_value) text.append("=").append(parameter.value);
  }
  return text;
}

Result<BdatArgument> parse_bdat(std::string_view argument) {
  const std::string_view size = ascii::take_word(argument);
  const std::string_view last = ascii::take_word(argument);
  if (!ascii::take_word(argument).empty()) return make_error_code(errc::bad_syntax);
  if (!last.empty() && !ascii::equal_ignoring_case(last, "LAST")) return make_error_code(errc::bad_syntax);
  if (size.empty() || !std::all_of(size.begin(), size.end(), ascii::is_digit)) {
    return make_error_code(errc::bad_syntax);
  }
  BdatArgument parsed;
  parsed.last = !last.empty();
  const auto converted = std::from_chars(size.data(), size.data() + size.size(), parsed.size);
  if (converted.ec != std::errc()) return make_error_code(errc::bad_parameter);
  return parsed;
}

}  // namespace smtpseal::smtp
