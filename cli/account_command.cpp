#include <boost/algorithm/string/join.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "password_options.hpp"
#include "secret_input.hpp"
#include "table_editor.hpp"

namespace smtpseal::cli {
namespace {

using policy::PolicyFiles;

struct Options {
  std::string account;
  bool with_lm = false;
  std::string password_file;
  std::vector<std::string> attributes;
  bool names_only = false;
};

// What is no attribute may be a password, which must not be shown.
std::string account_attribute(const std::string& argument) {
  if (argument.find('=') == std::string::npos)
    throw Failure("an attribute must have the form name=value; a password is never an argument");
  return attribute_text(argument);
}

int add(Context& context, const Options& options) {
  if (const auto problem = policy::account_problem(options.account); !problem.empty()) throw Failure(problem);
  std::string attributes;
  for (const auto& attribute : options.attributes) attributes += " " + account_attribute(attribute);
  {
    // Before the password is asked for; the edit below makes sure again.
    const TableEditor editor(context, &PolicyFiles::accounts);
    if (editor.find(is_account(options.account)))
      throw Failure(options.account + " is already in " + editor.file());
  }
  auto secret = read_secret(context.engine(), options.account,
                            options.with_lm ? SecretForm::nt_and_lm : SecretForm::nt, options.password_file);
  const WipeLater wipe_secret(secret);

  TableEditor editor(context, &PolicyFiles::accounts);
  auto line = quoted_if_needed(options.account) + "\t";
  line.reserve(line.size() + secret.size() + attributes.size());
  line.append(secret).append(attributes);
  const WipeLater wipe_line(line);
  editor.append_line(line);
  return editor.commit("added " + options.account + " to " + editor.file());
}

// The secret of an entry, with its quotes.
std::string_view secret_part(std::string_view line) {
  policy::FieldReader fields(line, policy::TrailingComments::no);
  const auto account = fields.word();
  const auto from_secret = fields.rest();
  if (!account || !fields.word()) throw Failure("the entry is malformed; edit it by hand");
  const auto part = from_secret.substr(0, from_secret.size() - fields.rest().size());
  return part.substr(0, part.find_last_not_of(" \t") + 1);
}

int change_password(Context& context, const Options& options) {
  {
    // Before the password is asked for; the edit below makes sure again.
    const TableEditor editor(context, &PolicyFiles::accounts);
    if (!editor.find(is_account(options.account)))
      throw Failure(options.account + " is not in " + editor.file());
  }
  auto secret = read_secret(context.engine(), options.account,
                            options.with_lm ? SecretForm::nt_and_lm : SecretForm::nt, options.password_file);
  const WipeLater wipe_secret(secret);
  TableEditor editor(context, &PolicyFiles::accounts);
  const auto line = editor.find(is_account(options.account));
  if (!line) throw Failure(options.account + " is not in " + editor.file());
  editor.replace(secret_part(line->text), secret);
  return editor.commit("password of " + options.account + " is changed in " + editor.file());
}

int remove(Context& context, const std::string& account) {
  refuse_where_named(context, account, "inbound_account", &policy::DomainRule::inbound_account);
  TableEditor editor(context, &PolicyFiles::accounts);
  const auto line = editor.find(is_account(account));
  if (!line) throw Failure(account + " is not in " + editor.file());
  editor.remove_line(*line);
  return editor.commit("removed " + account + " from " + editor.file());
}

int list(Context& context, bool names_only) {
  const auto file = context.files().accounts;
  const auto read = policy::read_checked_file(file, policy::Confidential::yes);
  if (!read.text) throw Failure(file + ": " + read.problem);
  std::vector<policy::Problem> problems;
  const auto accounts = policy::Accounts::parse(context.engine(), read.text->reveal(), file, problems);
  if (names_only) {
    for (const auto& each : accounts.entries()) std::cout << each.account << '\n';
    return problems.empty() ? kSuccess : kProblem;
  }
  Columns columns({"ACCOUNT", "SECRET", "DOMAINS", "RELAY", "PROFILE", "BITS", "LINE"});
  for (const auto& account : accounts.entries()) {
    columns.add({account.account, account.secret.lm_hash ? "NT, LM" : "NT",
                 account.domains.empty() ? "-" : boost::algorithm::join(account.domains, ","),
                 account.relay ? "yes" : "no", std::string(name(account.profile)),
                 std::to_string(account.strength), std::to_string(account.origin.line)});
  }
  columns.print(std::cout);
  print_problems(std::cerr, problems);
  return problems.empty() ? kSuccess : kProblem;
}

CLI::App* add_password_command(CLI::App& parent, const std::string& name, const std::string& purpose,
                               Options& options) {
  auto* command = parent.add_subcommand(name, purpose);
  command->add_option("NAME", options.account, "user, or DOMAIN\\user to match only that domain")->required();
  command->add_flag("--lm", options.with_lm,
                    "Store the LM hash too (for LM_KEY clients of profile exchange-5.5)");
  add_password_input(*command, options.password_file);
  return command;
}

}  // namespace

void add_account_command(CLI::App& app, Context& context) {
  auto* account = app.add_subcommand("account", "Who the partners are here");
  account->require_subcommand(1);

  auto options = std::make_shared<Options>();
  auto* add_command = add_password_command(*account, "add", "Add an account", *options);
  add_command->add_option("ATTRIBUTES", options->attributes,
                          "name=value ..., such as domains=partner.example; see smtpseal-accounts(5)");
  add_no_reload_option(*add_command, context);
  add_command->callback([&context, options, add_command] {
    refuse_stray_arguments(*add_command);
    context.status = add(context, *options);
  });

  auto* passwd_command = add_password_command(*account, "passwd", "Change an account's password", *options);
  add_no_reload_option(*passwd_command, context);
  passwd_command->callback([&context, options, passwd_command] {
    refuse_stray_arguments(*passwd_command);
    context.status = change_password(context, *options);
  });

  auto* remove_command = account->add_subcommand("remove", "Remove an account");
  remove_command->add_option("NAME", options->account, "as in the list")->required();
  add_no_reload_option(*remove_command, context);
  remove_command->callback([&context, options] { context.status = remove(context, options->account); });

  auto* list_command = account->add_subcommand("list", "List the accounts, without secrets");
  list_command->add_flag("--names", options->names_only, "The names alone, one a line");
  list_command->callback([&context, options] { context.status = list(context, options->names_only); });
}

}  // namespace smtpseal::cli
