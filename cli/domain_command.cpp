#include "commands.hpp"
#include "domain_words.hpp"
#include "entry_line.hpp"
#include "output.hpp"
#include "table_editor.hpp"

namespace smtpseal::cli {
namespace {

using policy::DomainRule;
using policy::Level;
using policy::PolicyFiles;

constexpr auto kAttributeManual = "Levels and attributes are explained in smtpseal-domains(5).";

struct AddOptions {
  std::string pattern;
  std::string level;
  std::vector<std::string> attributes;
  std::vector<std::string> changes;  // a level, and name=value or name=
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

std::optional<policy::TableLine> find_entry(const TableEditor& editor, const std::string& pattern) {
  return editor.find([&](std::string_view word) { return policy::parse_pattern(word).pattern == pattern; });
}

void apply_change(EntryLine& entry, const std::string& change, bool is_first) {
  const auto equals = change.find('=');
  if (equals == std::string::npos) {
    if (!is_first) throw Failure("only the first change can be a level; the others have the form name=value");
    return entry.set_level(quoted_if_needed(change));
  }
  const auto name = change.substr(0, equals);
  if (equals + 1 == change.size()) return entry.remove_attribute(name);
  entry.set_attribute(name, attribute_text(change));
}

int set(Context& context, const AddOptions& options) {
  const auto pattern = canonical_pattern(options.pattern);
  TableEditor editor(context, &PolicyFiles::domains);
  const auto line = find_entry(editor, pattern);
  if (!line)
    throw Failure(options.pattern + " is not in " + editor.file() + "; smtpseal domain add makes an entry");
  EntryLine entry(line->text);
  for (const auto& change : options.changes) apply_change(entry, change, &change == &options.changes.front());
  editor.replace(line->text, entry.text());
  return editor.commit("changed " + options.pattern + " in " + editor.file());
}

int remove(Context& context, const std::string& text) {
  const auto pattern = canonical_pattern(text);
  TableEditor editor(context, &PolicyFiles::domains);
  const auto line = find_entry(editor, pattern);
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

int show(Context& context, const std::string& text) {
  const auto pattern = canonical_pattern(text);
  const auto load = context.load(context.domains_only());
  if (!load.set) {
    print_problems(std::cerr, load.problems);
    throw Failure("the rules have problems");
  }
  for (const auto& rule : load.set->domains.rules()) {
    if (rule.pattern != pattern) continue;
    domain_words(context, rule).print(std::cout);
    return kSuccess;
  }
  throw Failure(text + " has no entry in " + context.files().domains +
                "; which one covers it: smtpseal query " + text);
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
  add_command->footer(kAttributeManual);
  add_no_reload_option(*add_command, context);
  add_command->callback([&context, options] { context.status = add(context, *options); });

  auto* set_command =
      domain->add_subcommand("set", "Change the level or attributes of a rule; what is not named stays");
  set_command->add_option("PATTERN", options->pattern, "the rule's pattern")->required();
  set_command
      ->add_option("CHANGES", options->changes,
                   "a level, name=value to set an attribute, name= to take it away")
      ->required();
  set_command->footer(kAttributeManual);
  add_no_reload_option(*set_command, context);
  set_command->callback([&context, options] { context.status = set(context, *options); });

  auto* show_command = domain->add_subcommand("show", "Say in words what one rule asks for");
  show_command->add_option("PATTERN", options->pattern, "the rule's pattern")->required();
  show_command->callback([&context, options] { context.status = show(context, options->pattern); });

  auto* remove_command = domain->add_subcommand("remove", "Remove a rule");
  remove_command->add_option("PATTERN", options->pattern, "the rule's pattern")->required();
  add_no_reload_option(*remove_command, context);
  remove_command->callback([&context, options] { context.status = remove(context, options->pattern); });

  auto* list_command = domain->add_subcommand("list", "List all rules");
  list_command->add_flag("--names", options->names_only, "The names alone, one a line");
  list_command->callback([&context, options] { context.status = list(context, options->names_only); });
}

}  // namespace smtpseal::cli
