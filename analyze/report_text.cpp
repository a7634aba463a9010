#include "report_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iomanip>

#include "messages.hpp"
#include "smtpseal/smtp/command.hpp"
#include "smtpseal/time_text.hpp"

namespace smtpseal::analyze {

namespace {

constexpr std::size_t kContentLines = 10;
constexpr std::size_t kShownLine = 160;
constexpr std::string_view kIndent = "  ";

// Prints the lines of a dialogue, of a message only the first ones.
class DialoguePrinter {
 public:
  DialoguePrinter(std::ostream& to, const TextOptions& options) : to_(to), options_(options) {}

  void print(const std::vector<Line>& lines) {
    for (const auto& line : lines) print(line);
    say_left_out();
  }

 private:
  void print(const Line& line) {
    const bool is_client = line.side == Side::client;
    const bool is_content = is_client && takes_content(line.text);
    if (is_content && !options_.full && ++content_lines_ > kContentLines) {
      ++left_out_;
      return;
    }
    say_left_out();
    if (!is_content) content_lines_ = 0;
    to_ << kIndent << (is_client ? "C: " : "S: ") << shown(line) << '\n';
    if (!is_client && line.text.starts_with("354")) in_data_ = true;
    if (is_client && !is_content) look_for_chunk(line.text);
  }

  // Whether the client's line is part of a message.
  bool takes_content(const std::string& text) {
    if (chunk_ > 0) {
      chunk_ -= std::min<std::uint64_t>(chunk_, text.size() + 2);
      return true;
    }
    if (in_data_ && text == ".") in_data_ = false;
    return in_data_;
  }

  void look_for_chunk(const std::string& text) {
    const auto command = smtp::parse_command(text);
    if (command.verb != smtp::Verb::bdat) return;
    const auto argument = smtp::parse_bdat(command.argument);
    if (argument) chunk_ = argument->size;
  }

  [[nodiscard]] std::string shown(const Line& line) const {
    std::string text = escaped(line.text);
    if (!options_.full && text.size() > kShownLine) {
      const std::size_t rest = text.size() - kShownLine;
      text = text.substr(0, kShownLine) + " ... (" + std::to_string(rest) + " more characters, --full)";
    }
    if (line.hides_secret) text += text.empty() ? "<not shown>" : " <not shown>";
    return text;
  }

  void say_left_out() {
    if (left_out_ > 0) to_ << kIndent << "   ... " << left_out_ << " more lines (--full)\n";
    left_out_ = 0;
  }

  std::ostream& to_;
  const TextOptions& options_;
  bool in_data_ = false;
  std::uint64_t chunk_ = 0;
  std::size_t content_lines_ = 0;
  std::size_t left_out_ = 0;
};

void print_fact(std::ostream& to, const std::string& message, const Fact& fact) {
  to << kIndent << kIndent << std::left << std::setw(14) << message << std::setw(22) << fact.name
     << fact.value << '\n';
}

void print_message(std::ostream& to, const std::string& name, const std::vector<Fact>& facts) {
  std::string heading = name;
  for (const auto& fact : facts) print_fact(to, std::exchange(heading, {}), fact);
}

std::string_view secret_text(const LoginReport& login) {
  if (!login.secret_is_right) return "not tried";
  return *login.secret_is_right ? "right" : "WRONG";
}

void print_login(std::ostream& to, const LoginReport& login) {
  to << kIndent << login.verb << " NTLM, " << login.opening << '\n';
  print_message(to, "NEGOTIATE", login.negotiate);
  print_message(to, "CHALLENGE", login.challenge);
  print_message(to, "AUTHENTICATE", login.authenticate);
  std::vector<Fact> facts{{"reply", login.answer.empty() ? "none in the capture" : login.answer}};
  if (!login.account.empty())
    facts.push_back({"account", login.account + (login.is_other_account ? " (not the one asked for)" : "")});
  facts.push_back({"password", std::string(secret_text(login))});
  facts.push_back({"seal", login.is_sealed ? std::to_string(login.strength) + " bit" : "not agreed on"});
  if (!login.problem.empty()) facts.push_back({"problem", login.problem});
  print_message(to, "OUTCOME", facts);
}

std::string result_text(const Attempt& attempt) {
  if (attempt.is_whole()) return "all of it";
  const auto& client = attempt.progress[0];
  const auto& server = attempt.progress[1];
  const bool by_client = !client.is_whole();
  const auto& first = by_client ? client : server;
  std::string text = std::string(by_client ? "client" : "server") + ", octet " +
                     std::to_string(first.wire_octets) + ": " + first.problem;
  if (by_client && !server.is_whole() && !attempt.variant.shares_state())
    text += "; server, octet " + std::to_string(server.wire_octets) + ": " + server.problem;
  return text;
}

void print_row(std::ostream& to, const std::array<std::string, 6>& cells) {
  to << kIndent << std::left << std::setw(13) << cells[0] << std::setw(11) << cells[1] << std::setw(20)
     << cells[2] << std::setw(8) << cells[3] << std::setw(8) << cells[4] << cells[5] << '\n';
}

void print_attempts(std::ostream& to, const std::vector<Attempt>& attempts) {
  to << '\n' << kIndent << "Variants tried, and how many records of either side each opens:\n";
  print_row(to, {"FRAMING", "RC4 STATE", "KEY", "CLIENT", "SERVER", "RESULT"});
  for (const auto& each : attempts) {
    print_row(to, {std::string(session::name(each.variant.framing)), std::string(state_name(each.variant)),
                   each.variant.key, std::to_string(each.progress[0].records),
                   std::to_string(each.progress[1].records), result_text(each)});
  }
}

}  // namespace

std::string_view state_name(const Variant& variant) {
  if (variant.has_ess()) return "each way";
  return variant.shares_state() ? "shared" : "separate";
}

std::string text(const Variant& variant) {
  const std::string state =
      variant.has_ess() ? "an RC4 state each way (ESS)" : std::string(state_name(variant)) + " RC4 state";
  return std::string(session::name(variant.framing)) + ", " + state + ", key " + variant.key;
}

std::string verdict(const SessionReport& report) {
  if (report.logins.empty()) return "no NTLM login can be seen";
  const auto& login = report.logins.back();
  if (!report.enters_seal) {
    if (login.answer.empty()) return "the login did not end in this capture";
    if (!login.answer.starts_with("235")) return "the login was refused: " + login.answer;
    return "nothing is sealed in this session";
  }
  if (report.attempts.empty()) return "the sealed part was not opened: " + login.problem;
  const auto& best = report.attempts.front();
  if (report.is_opened()) return "opened to the end by " + text(best.variant);
  if (best.records() == 0) return "no variant opens a record of the sealed part";
  return "opened in part by " + text(best.variant) + "; " + result_text(best);
}

void print_session(std::ostream& to, std::size_t number, const SessionReport& report,
                   const TextOptions& options) {
  to << "Session " << number << ": " << report.client << " to " << report.server << ", "
     << local_time_text(report.began) << '\n';
  for (const auto& login : report.logins) print_login(to, login);
  to << '\n';
  DialoguePrinter(to, options).print(report.clear);
  if (!report.attempts.empty() && report.attempts.front().records() > 0) {
    to << kIndent << "-- sealed from here on: " << text(report.attempts.front().variant) << " --\n";
    DialoguePrinter(to, options).print(report.unsealed);
  }
  if (!report.attempts.empty()) print_attempts(to, report.attempts);
  to << '\n';
  for (const auto& note : report.notes) to << kIndent << "Note: " << note << ".\n";
  to << kIndent << "Verdict: " << verdict(report) << ".\n";
}

}  // namespace smtpseal::analyze
