#include "postfix_setup.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>

#include "command_run.hpp"
#include "context.hpp"

namespace smtpseal::cli {
namespace {

constexpr std::array kParameters{
    "compatibility_level",
    "config_directory",
    "content_filter",
    "default_transport",
    "inet_interfaces",
    "lmtp_data_done_timeout",
    "lmtp_data_init_timeout",
    "lmtp_data_xfer_timeout",
    "lmtp_rcpt_timeout",
    "lmtp_send_xforward_command",
    "mail_owner",
    "milter_default_action",
    "mynetworks",
    "non_smtpd_milters",
    "proxy_interfaces",
    "queue_directory",
    "smtpd_authorized_xclient_hosts",
    "smtpd_client_restrictions",
    "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_milters",
    "smtpd_recipient_restrictions",
    "smtpd_relay_before_recipient_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_sasl_auth_enable",
    "smtpd_sender_restrictions",
    "transport_maps",
};

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// "name = value"
std::pair<std::string, std::string> assignment(const std::string& line) {
  const auto equals = line.find('=');
  if (equals == std::string::npos) return {trimmed(line), {}};
  return {trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1))};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
  return lines;
}

// "-" in the chroot column: before compatibility_level 1, yes.
bool is_chrooted(const std::string& column, const std::string& compatibility_level) {
  if (column != "-") return column == "y";
  return compatibility_level == "0";
}

}  // namespace

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  int depth = 0;
  for (const char c : text) {
    const bool separates = depth == 0 && (c == ' ' || c == '\t' || c == ',' || c == '\n');
    if (!separates) {
      if (c == '{') ++depth;
      if (c == '}') --depth;
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::optional<PostfixSetup> PostfixSetup::load(const std::string& directory) {
  if (!has_command("postconf")) {
    if (!directory.empty()) throw Failure("there is no postconf, so that " + directory + " cannot be read");
    return std::nullopt;
  }
  // postfix(1) takes no relative name.
  std::string place = directory.empty() ? directory : std::filesystem::absolute(directory).string();
  if (place.empty()) place = run_command({"postconf", "-dh", "config_directory"});
  if (::access((place + "/main.cf").c_str(), R_OK) != 0) {
    if (!directory.empty()) throw Failure(place + "/main.cf cannot be read");
    return std::nullopt;
  }
  PostfixSetup setup(place);
  setup.read_values();
  setup.read_services();
  return setup;
}

std::vector<std::string> PostfixSetup::postconf(std::vector<std::string> arguments) const {
  std::vector<std::string> words{"postconf", "-c", directory_};
  words.insert(words.end(), std::make_move_iterator(arguments.begin()),
               std::make_move_iterator(arguments.end()));
  return words;
}

void PostfixSetup::read_values() {
  std::vector<std::string> arguments{"-x"};
  arguments.insert(arguments.end(), kParameters.begin(), kParameters.end());
  for (const auto& line : lines_of(run_filter(postconf(std::move(arguments)), {})))
    values_.insert(assignment(line));
  if (values_.size() < kParameters.size())
    throw Failure("postconf does not tell what " + directory_ + " says");
}

void PostfixSetup::read_services() {
  for (const auto& line : lines_of(run_filter(postconf({"-M"}), {}))) {
    if (line.empty() || line.front() == ' ' || line.front() == '\t') continue;
    std::istringstream words(line);
    std::string ignored;
    std::string chroot;
    PostfixService service;
    words >> service.name >> service.type >> ignored >> ignored >> chroot >> ignored >> ignored >>
        service.command;
    service.chrooted = is_chrooted(chroot, value("compatibility_level"));
    services_.push_back(std::move(service));
  }
  // "name/type/parameter = value"; the name may hold slashes, type and parameter do not.
  for (const auto& line : lines_of(run_filter(postconf({"-Px"}), {}))) {
    const auto [path, text] = assignment(line);
    const auto last = path.rfind('/');
    const auto middle = last == std::string::npos ? last : path.rfind('/', last - 1);
    if (middle == std::string::npos) continue;
    const auto type = path.substr(middle + 1, last - middle - 1);
    for (auto& service : services_) {
      if (service.name == path.substr(0, middle) && service.type == type)
        service.overrides[path.substr(last + 1)] = text;
    }
  }
}

const std::string& PostfixSetup::value(const std::string& name) const {
  static const std::string kNone;
  const auto found = values_.find(name);
  return found == values_.end() ? kNone : found->second;
}

std::string PostfixSetup::written(const std::string& name) const {
  return run_filter(postconf({"-h", name}), {});
}

std::vector<std::string> PostfixSetup::list(const std::string& name) const {
  return split_list(value(name));
}

const std::string& PostfixSetup::value_for(const PostfixService& service, const std::string& name) const {
  const auto found = service.overrides.find(name);
  return found == service.overrides.end() ? value(name) : found->second;
}

const PostfixService* PostfixSetup::service(const std::string& name, const std::string& type) const {
  const auto found = std::ranges::find_if(
      services_, [&](const PostfixService& each) { return each.name == name && each.type == type; });
  return found == services_.end() ? nullptr : &*found;
}

std::vector<const PostfixService*> PostfixSetup::services_running(const std::string& command) const {
  std::vector<const PostfixService*> found;
  for (const auto& each : services_) {
    if (each.command == command) found.push_back(&each);
  }
  return found;
}

std::string PostfixSetup::absolute(const std::string& endpoint) const {
  constexpr std::string_view kUnix = "unix:";
  if (!endpoint.starts_with(kUnix) || endpoint.substr(kUnix.size()).starts_with('/')) return endpoint;
  return std::string(kUnix) + queue_directory() + "/" + endpoint.substr(kUnix.size());
}

}  // namespace smtpseal::cli
