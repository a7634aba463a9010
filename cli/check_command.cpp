#include <unistd.h>

#include <algorithm>

#include "check/checks.hpp"
#include "commands.hpp"
#include "json_output.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace smtpseal::cli {
namespace {

constexpr auto kSendmailCf = "/etc/mail/sendmail.cf";

struct Options {
  bool tables_only = false;
  bool strict = false;
  bool as_json = false;
  std::string postfix_directory;
  std::string sendmail_cf = kSendmailCf;
};

Tone tone(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return Tone::good;
    case Severity::note:
      return Tone::faint;
    case Severity::warning:
      return Tone::caution;
    case Severity::problem:
      return Tone::bad;
  }
  return Tone::strong;
}

bool is_bad(const Findings& findings, const Options& options) {
  return findings.count(Severity::problem) > 0 || (options.strict && findings.count(Severity::warning) > 0);
}

void print_finding(const Finding& finding) {
  constexpr std::size_t kMarkWidth = 9;  // "problem: "
  const auto mark = std::string(name(finding.severity)) + ":";
  std::cout << "  " << toned(std::cout, tone(finding.severity), mark)
            << std::string(kMarkWidth - mark.size(), ' ') << finding.text << '\n';
  if (!finding.mend.empty())
    std::cout << "  " << std::string(kMarkWidth, ' ') << "-> " << finding.mend << '\n';
}

std::string summary(const Findings& findings, const Options& options) {
  const auto problems = findings.count(Severity::problem);
  const auto warnings = findings.count(Severity::warning);
  const std::string and_warnings = warnings == 0 ? "" : ", " + counted(warnings, "warning");
  if (is_bad(findings, options)) return "NOT OK: " + counted(problems, "problem") + and_warnings;
  return options.tables_only ? "OK: the configuration and the tables are valid"
                             : "OK: nothing is wrong" + and_warnings;
}

void print(const Findings& findings, const Options& options) {
  const std::string* group = nullptr;
  for (const auto& finding : findings.all()) {
    if (group == nullptr || *group != finding.group)
      std::cout << toned(std::cout, Tone::strong, finding.group) << '\n';
    group = &finding.group;
    print_finding(finding);
  }
  const bool bad = is_bad(findings, options);
  std::cout << toned(std::cout, bad ? Tone::bad : Tone::good, summary(findings, options)) << '\n';
  const bool tables = std::ranges::any_of(findings.all(), [](const Finding& each) {
    return each.severity == Severity::problem && each.group == "tables";
  });
  if (tables)
    std::cout
        << "Until the tables are mended a running daemon keeps its old rules; one that has none defers all "
           "mail.\n";
}

Json as_json(const Findings& findings, const Options& options) {
  Json list = Json::array();
  for (const auto& each : findings.all())
    list.push_back(
        {{"group", each.group}, {"severity", name(each.severity)}, {"text", each.text}, {"mend", each.mend}});
  return {{"ok", !is_bad(findings, options)}, {"findings", std::move(list)}};
}

// False: without parameters nothing else can be looked at.
bool check_configuration(Context& context, Findings& findings) {
  findings.begin("configuration");
  const auto load = config::load_named_or_default(context.config_file);
  for (const auto& problem : load.problems) findings.problem(problem.message());
  if (!load.values) return false;
  const auto file = context.config_path();
  if (::access(file.c_str(), F_OK) == 0) {
    findings.ok(file);
  } else {
    findings.note(file + " is not there: every parameter has its default");
  }
  return true;
}

// False: without the algorithms the tables cannot be read.
bool check_crypto(Findings& findings) {
  findings.begin("cryptography");
  const auto engine = crypto::Engine::create();
  if (engine) {
    findings.ok("the algorithms are there and give the known answers");
    return true;
  }
  const bool lacks_provider = engine.error() == crypto::errc::legacy_provider_missing;
  findings.problem(crypto::Engine::describe_failure(engine.error()),
                   lacks_provider ? "on Debian 13: apt install openssl-provider-legacy" : "");
  return false;
}

// What cannot be read is a finding, so that the others are told too.
std::optional<PostfixSetup> load_postfix(const Options& options, Findings& findings) {
  try {
    return PostfixSetup::load(options.postfix_directory);
  } catch (const Failure& failure) {
    findings.begin("mail server");
    findings.problem(failure.what(), "see --postfix-config");
    return std::nullopt;
  }
}

void check_mail_server(Context& context, const policy::PolicySet& set, const Options& options,
                       Findings& findings) {
  const auto postfix = load_postfix(options, findings);
  const bool has_sendmail = ::access(options.sendmail_cf.c_str(), F_OK) == 0;
  if (postfix) check_postfix(context, set, *postfix, findings);
  if (has_sendmail) check_sendmail(context, set, options.sendmail_cf, findings);
  if (postfix || has_sendmail || !options.postfix_directory.empty()) return;
  findings.begin("mail server");
  findings.note("neither a main.cf of Postfix nor " + options.sendmail_cf +
                " is here: no mail server was looked at");
}

void check_host(Context& context, const policy::PolicyLoad& load, const Options& options,
                Findings& findings) {
  Progress progress;
  progress.show("looking at files");
  check_access(context, load, findings);
  progress.show("asking the daemons");
  check_daemons(context, findings);
  progress.show("looking at the mail server");
  if (load.set) check_mail_server(context, *load.set, options, findings);
  progress.show("asking libsasl2");
  check_plugin(context, findings);
  check_clock(findings);
}

int check(Context& context, const Options& options) {
  Findings findings;
  if (check_configuration(context, findings) && check_crypto(findings)) {
    const auto load = context.load(context.files());
    check_tables(context, load, findings);
    if (!options.tables_only) check_host(context, load, options, findings);
  }
  options.as_json ? print_json(as_json(findings, options)) : print(findings, options);
  return is_bad(findings, options) ? kProblem : kSuccess;
}

}  // namespace

void add_check_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("check", "Say what is wrong or weak on this host, and how to mend it");
  auto options = std::make_shared<Options>();
  command->add_flag("--tables-only", options->tables_only,
                    "Look at smtpseal.toml and the tables, not at daemons and mail server");
  command->add_flag("--strict", options->strict, "Exit status 1 where there are warnings too");
  command->add_flag("--json", options->as_json, "For programs");
  command
      ->add_option("--postfix-config", options->postfix_directory,
                   "Where main.cf and master.cf are; default: what postconf says")
      ->type_name("DIRECTORY");
  command
      ->add_option("--sendmail-cf", options->sendmail_cf,
                   std::string("The generated sendmail.cf; default ") + kSendmailCf)
      ->type_name("FILE");
  command->footer("Run it as root: only then it can tell what the daemons and Postfix can reach.");
  command->callback([&context, options] { context.status = check(context, *options); });
}

}  // namespace smtpseal::cli
