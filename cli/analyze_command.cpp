#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "analyze/capture_file.hpp"
#include "analyze/report_json.hpp"
#include "analyze/report_text.hpp"
#include "commands.hpp"
#include "json_output.hpp"
#include "output.hpp"
#include "secret_input.hpp"

namespace smtpseal::cli {
namespace {

constexpr std::uint16_t kSmtpPort = 25;

struct Options {
  std::string capture;
  std::string account;
  std::string password_file;
  bool use_tables = false;
  std::vector<std::uint16_t> ports;
  bool full = false;
  bool as_json = false;
};

struct Findings {
  std::vector<analyze::SessionReport> sessions;
  std::size_t connections = 0;
  std::vector<std::string> notes;  // about the capture
};

// Of the account in the credentials or, as a partner's, in the accounts.
policy::StoredSecret copy_of(const policy::StoredSecret& secret) {
  policy::StoredSecret copy;
  copy.nt_hash = secret.nt_hash.clone();
  if (secret.lm_hash) copy.lm_hash = secret.lm_hash->clone();
  return copy;
}

policy::StoredSecret secret_from_tables(Context& context, const std::string& account) {
  const auto load = context.load(context.files());
  if (!load.set) {
    print_problems(std::cerr, load.problems);
    throw Failure("the tables have problems");
  }
  if (const auto* credential = load.set->credentials.find(account)) return copy_of(credential->secret);
  if (const auto* partner = load.set->accounts.find(account)) return copy_of(partner->secret);
  throw Failure(account + " is neither in " + context.files().credentials + " nor in " +
                context.files().accounts);
}

policy::StoredSecret find_secret(Context& context, const Options& options) {
  if (options.use_tables) return secret_from_tables(context, options.account);
  if (options.capture == "-" && options.password_file.empty())
    throw Failure("standard input has the capture; give the password with --password-file or --credentials");
  return read_known_secret(context.engine(), options.account, options.password_file);
}

std::vector<std::string> notes_on(const analyze::Omissions& omissions, const std::string& ends_early) {
  std::vector<std::string> notes;
  if (omissions.cut > 0)
    notes.push_back(counted(omissions.cut, "packet") +
                    " captured with too small a snaplen: capture anew with tcpdump -s 0");
  if (omissions.fragments > 0)
    notes.push_back(counted(omissions.fragments, "IP fragment") + " left out: they are not put together");
  if (omissions.unreadable > 0)
    notes.push_back(counted(omissions.unreadable, "packet") + " could not be read");
  if (omissions.over_limit)
    notes.emplace_back(
        "the capture holds more than can be kept; cut one connection out of it with tcpdump -r FILE -w");
  if (!ends_early.empty()) notes.push_back("the capture is damaged, and was read up to there: " + ends_early);
  return notes;
}

Findings examine(Context& context, const Options& options, const policy::StoredSecret& secret) {
  analyze::Conversations conversations({options.ports.begin(), options.ports.end()});
  const auto result = analyze::read_capture(options.capture, conversations);
  if (!result.problem.empty()) throw Failure(options.capture + ": " + result.problem);
  const analyze::Account account{policy::split_account(options.account), secret};
  Findings findings;
  for (const auto& conversation : conversations.finish()) {
    ++findings.connections;
    auto report = analyze::analyze_session(context.engine(), conversation, account);
    if (report) findings.sessions.push_back(std::move(*report));
  }
  findings.notes = notes_on(conversations.omissions(), result.ends_early);
  return findings;
}

// Every sealed part that the capture has was opened, and it has one.
bool all_opened(const Findings& findings) {
  const auto is_sealed = [](const auto& session) { return session.enters_seal; };
  return std::ranges::any_of(findings.sessions, is_sealed) &&
         std::ranges::all_of(findings.sessions,
                             [&](const auto& session) { return !is_sealed(session) || session.is_opened(); });
}

void print_text(const Findings& findings, const Options& options) {
  std::size_t number = 0;
  for (const auto& session : findings.sessions) {
    analyze::print_session(std::cout, ++number, session, {options.full});
    std::cout << '\n';
  }
  for (const auto& note : findings.notes) std::cout << "Note: " << note << ".\n";
  if (findings.sessions.empty())
    std::cout << "No session with AUTH NTLM or XAUTH NTLM among "
              << counted(findings.connections, "connection") << " to port " << options.ports.front()
              << (options.ports.size() > 1 ? " and others" : "") << " (--port for other ports).\n";
}

void print_findings(const Findings& findings) {
  Json json{{"opened", all_opened(findings)},
            {"connections", findings.connections},
            {"notes", findings.notes},
            {"sessions", Json::array()}};
  for (const auto& session : findings.sessions) json["sessions"].push_back(analyze::to_json(session));
  print_json(json);
}

// Before the password is asked for.
void require_readable(const std::string& capture) {
  if (capture != "-" && ::access(capture.c_str(), R_OK) != 0)
    throw Failure(capture + ": " + std::generic_category().message(errno));
}

int analyze_capture(Context& context, Options options) {
  if (options.ports.empty()) options.ports.push_back(kSmtpPort);
  require_readable(options.capture);
  const auto secret = find_secret(context, options);
  const auto findings = examine(context, options, secret);
  options.as_json ? print_findings(findings) : print_text(findings, options);
  return all_opened(findings) ? kSuccess : kProblem;
}

}  // namespace

void add_analyze_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "analyze", "Open the sealed SMTP sessions of a packet capture, and say how they were sealed");
  auto options = std::make_shared<Options>();
  command
      ->add_option("CAPTURE", options->capture, "pcap or pcapng file of tcpdump -s 0 -w; - is standard input")
      ->required()
      ->type_name("FILE");
  command->add_option("--account", options->account, "That logs on in the capture: DOMAIN\\user or user")
      ->required();
  auto* file =
      command
          ->add_option("--password-file", options->password_file,
                       "Its first line has the password or {NT}hash; without it the password is asked for, "
                       "or read from standard input")
          ->type_name("FILE");
  command
      ->add_flag("--credentials", options->use_tables,
                 "Take the secret from the credentials or accounts file")
      ->excludes(file);
  command->add_option("--port", options->ports, "Of the server; default 25; may be repeated")
      ->type_name("PORT");
  command->add_flag("--full", options->full, "Print every line of the messages, whatever its length");
  command->add_flag("--json", options->as_json, "For programs");
  command->callback([&context, options] { context.status = analyze_capture(context, *options); });
}

}  // namespace smtpseal::cli
