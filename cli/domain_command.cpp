#include "commands.hpp"
#include "output.hpp"
#include "table_editor.hpp"

namespace smtpseal::cli {
namespace {

using policy::DomainRule;
using policy::Level;
using policy::PolicyFiles;

struct AddOptions {
  std::string pattern;
  std::string level;
  std::vector<std::string> attributes;
  bool names_only = false;
};

std::string canonical_pattern(const std::string& text) {
  auto parsed = policy::parse_pattern(text);
  if (!parsed.problem.empty()) throw Failure("pattern " + parsed.problem);
  return std::move(parsed.pattern);
}

int add(Context& context, const AddOptions& options) {
  canonical_pattern(options.pattern);
  std::string line = quoted_if_needed(options.pattern) + "\t" + quoted_if_needed(options.level);
  for (const auto& attribute : options.attributes) line += " " + attribute_text(attribute);
  TableEditor editor(context, &PolicyFiles::domains);
  editor.append_line(line);
  return editor.commit("added " + options.pattern + " to " + editor.file());
}

int remove(Context& context, const std::string& text) {
  const auto pattern = canonical_pattern(text);
  TableEditor editor(context, &PolicyFiles::domains);
  const auto line =
      editor.find([&](std::string_view word) { return policy::parse_pattern(word).pattern == pattern; });
  if (!line) throw Failure(text + " is not in " + editor.file());
  editor.remove_line(*line);
  return editor.commit("removed " + text + " from " + editor.file());
}

std::string tls_remark(const policy::TlsRule& rule) {
  std::string text = "tls " + std::string(name(rule.mode));
  if (!rule.fingerprints.empty()) return text + " by fingerprint";
  if (!rule.name.empty()) text += " " + rule.name;
  return rule.ca_file.empty() ? text : text + " by " + rule.ca_file;
}

std::string remarks(const DomainRule& rule) {
  std::string text = rule.weaknesses();
  const auto add_remark = [&text](const std::string& remark) { text += (text.empty() ? "" : ", ") + remark; };
  if (rule.tls.mode != policy::TlsMode::none) add_remark(tls_remark(rule.tls));
  if (rule.shows_password()) {
    std::string names;
    for (const auto mechanism : rule.mechanisms)
      names += (names.empty() ? "" : ",") + std::string(name(mechanism));
    add_remark(names);
  }
  if (rule.nexthop) {
    const bool bracketed = !rule.nexthop->mx_lookup;
    add_remark("nexthop " + (bracketed ? "[" + rule.nexthop->host + "]" : rule.nexthop->host) + ":" +
               std::to_string(rule.nexthop->port));
  }
  if (rule.on_failure == policy::OnFailure::bounce) add_remark("bounces on failure");
  if (rule.body == policy::BodyRule::seven_bit) add_remark("7bit");
  if (rule.inbound == policy::InboundRule::require) {
    add_remark("inbound required" + (rule.inbound_account.empty() ? "" : " from " + rule.inbound_account));
  }
  if (rule.mode == policy::Mode::report) add_remark("report only");
  return text;
}

int list(Context& context, bool names_only) {
  const auto file = context.domains_only().domains;
  const auto read = policy::read_checked_file(file, policy::Confidential::no);
  if (!read.text) throw Failure(file + ": " + read.problem);
  std::vector<policy::Problem> problems;
  const auto map = policy::DomainMap::parse(read.text->reveal(), file, problems);
  if (names_only) {
    for (const auto& each : map.rules()) std::cout << each.pattern << '\n';
    return problems.empty() ? kSuccess : kProblem;
  }
  Columns columns({"PATTERN", "LEVEL", "BITS", "ACCOUNT", "LINE", "REMARKS"});
  for (const auto& rule : map.rules()) {
    columns.add({rule.pattern, std::string(name(rule.level)),
                 rule.level == Level::seal ? std::to_string(rule.strength) : "-",
                 rule.account.empty() ? "-" : rule.account, std::to_string(rule.origin.line), remarks(rule)});
  }
  columns.print(std::cout);
  print_problems(std::cerr, problems);
  return problems.empty() ? kSuccess : kProblem;
}

}  // namespace

void add_domain_command(CLI::App& app, Context& context) {
  auto* domain = app.add_subcommand("domain", "What is required of sessions to a domain");
  domain->require_subcommand(1);

  auto options = std::make_shared<AddOptions>();
  auto* add_command = domain->add_subcommand("add", "Add a rule");
  add_command->add_option("PATTERN", options->pattern, "domain, .domain (its subdomains), [address] or *")
      ->required();
  add_command->add_option("LEVEL", options->level, "none, tls, auth or seal")->required();
  add_command->add_option("ATTRIBUTES", options->attributes,
                          "name=value ..., such as account='DOMAIN\\user'");
  add_no_reload_option(*add_command, context);
  add_command->callback([&context, options] { context.status = add(context, *options); });

  auto* remove_command = domain->add_subcommand("remove", "Remove a rule");
  remove_command->add_option("PATTERN", options->pattern, "the rule's pattern")->required();
  add_no_reload_option(*remove_command, context);
  remove_command->callback([&context, options] { context.status = remove(context, options->pattern); });

  auto* list_command = domain->add_subcommand("list", "List all rules");
  list_command->add_flag("--names", options->names_only, "The names alone, one a line");
  list_command->callback([&context, options] { context.status = list(context, options->names_only); });
}

}  // namespace smtpseal::cli
