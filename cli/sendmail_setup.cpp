#include "sendmail_setup.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "context.hpp"
#include "postfix_setup.hpp"  // split_list

namespace smtpseal::cli {
namespace {

// "S=unix:/run/x, F=T": the value of one letter.
std::string field(const std::string& line, const std::string& letter) {
  for (const auto& part : split_list(line)) {
    if (part.starts_with(letter + "=")) return part.substr(letter.size() + 1);
  }
  return {};
}

// A definition that goes on in lines beginning with a blank is one line.
std::vector<std::string> definitions(std::istream& input) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(input, line);) {
    const bool goes_on = !line.empty() && (line.front() == ' ' || line.front() == '\t') && !lines.empty();
    if (goes_on) {
      lines.back() += " " + line;
    } else {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

// "A=FILE /run/smtpseal/relay" at the end of a mailer.
std::string mailer_path(const std::string& line) {
  constexpr std::string_view kFile = "A=FILE ";
  const auto at = line.find(kFile);
  return at == std::string::npos
             ? std::string()
             : line.substr(at + kFile.size(),
                           line.find_first_of(" \t", at + kFile.size()) - at - kFile.size());
}

}  // namespace

std::optional<SendmailSetup> SendmailSetup::load(const std::string& file) {
  std::ifstream input(file);
  if (!input && errno == ENOENT) return std::nullopt;
  if (!input) throw Failure(file + ": " + std::strerror(errno));
  SendmailSetup setup;
  setup.file = file;
  for (const auto& line : definitions(input)) {
    if (line.starts_with("Ksmtpseal socket ")) {
      setup.domains_map = line.substr(std::string("Ksmtpseal socket ").size());
    } else if (line.starts_with("Msmtpseal,") || line.starts_with("Msmtpseal7,")) {
      setup.mailer_paths.push_back(mailer_path(line));
    } else if (line.starts_with("Xsmtpseal,")) {
      setup.milter = field(line.substr(1), "S");
      setup.milter_flags = field(line.substr(1), "F");
    } else if (line.starts_with("O InputMailFilters=")) {
      setup.input_filters = split_list(line.substr(std::string("O InputMailFilters=").size()));
    } else if (line.find("SearchList <! SmtpSeal>") != std::string::npos) {
      setup.seals_natively = true;
    }
  }
  return setup;
}

}  // namespace smtpseal::cli
