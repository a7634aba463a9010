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
  bool in_clear = false;
  bool names_only = false;

  [[nodiscard]] SecretForm form() const {
    if (in_clear) return SecretForm::clear;
    return with_lm ? SecretForm::nt_and_lm : SecretForm::nt;
  }
};

int set(Context& context, const Options& options) {
  if (const auto problem = policy::account_problem(options.account); !problem.empty()) throw Failure(problem);
  auto secret = read_secret(context.engine(), options.account, options.form(), options.password_file);
  const WipeLater wipe_secret(secret);

  TableEditor editor(context, &PolicyFiles::credentials);
  auto line_text = quoted_if_needed(options.account) + "\t";
  line_text.reserve(line_text.size() + secret.size());
  line_text += secret;
  const WipeLater wipe_line(line_text);
  if (const auto line = editor.find(is_account(options.account))) {
    editor.replace(line->text, line_text);
  } else {
    editor.append_line(line_text);
  }
  return editor.commit("credential of " + options.account + " is set in " + editor.file());
}

int remove(Context& context, const std::string& account) {
  refuse_where_named(context, account, "account", &policy::DomainRule::account);
  TableEditor editor(context, &PolicyFiles::credentials);
  const auto line = editor.find(is_account(account));
  if (!line) throw Failure(account + " is not in " + editor.file());
  editor.remove_line(*line);
  return editor.commit("removed " + account + " from " + editor.file());
}

policy::Credentials read_credentials(Context& context, std::vector<policy::Problem>& problems) {
  const auto file = context.files().credentials;
  const auto read = policy::read_checked_file(file, policy::Confidential::yes);
  if (!read.text) throw Failure(file + ": " + read.problem);
  return policy::Credentials::parse(context.engine(), read.text->reveal(), file, problems);
}

std::string used_by(const policy::PolicyLoad& load, const std::string& account) {
  std::string domains;
  for (const auto& rule : load.set->domains.rules()) {
    if (policy::folded_account(rule.account) == policy::folded_account(account)) {
      domains += (domains.empty() ? "" : ",") + rule.pattern;
    }
  }
  return domains;
}

std::string stored_as(const policy::StoredSecret& secret) {
  if (secret.password) return "password";
  return secret.lm_hash ? "NT, LM" : "NT";
}

int list(Context& context, bool names_only) {
  std::vector<policy::Problem> problems;
  const auto credentials = read_credentials(context, problems);
  if (names_only) {
    for (const auto& each : credentials.entries()) std::cout << each.account << '\n';
    return problems.empty() ? kSuccess : kProblem;
  }
  const auto load = context.load(context.domains_only());
  Columns columns({"ACCOUNT", "SECRET", "LINE", "USED FOR"});
  for (const auto& credential : credentials.entries()) {
    columns.add({credential.account, stored_as(credential.secret), std::to_string(credential.origin.line),
                 load.set ? used_by(load, credential.account) : "?"});
  }
  columns.print(std::cout);
  print_problems(std::cerr, problems);
  return problems.empty() ? kSuccess : kProblem;
}

}  // namespace

void add_credential_command(CLI::App& app, Context& context) {
  auto* credential = app.add_subcommand("credential", "Who this host is at its partners");
  credential->require_subcommand(1);

  auto options = std::make_shared<Options>();
  auto* set_command = credential->add_subcommand("set", "Add a credential or change its password");
  set_command->add_option("ACCOUNT", options->account, "DOMAIN\\user or user, as the partner gave it")
      ->required();
  auto* lm = set_command->add_flag("--lm", options->with_lm,
                                   "Store the LM hash too (for exchange-5.x with less than 128 bit)");
  set_command
      ->add_flag("--clear", options->in_clear,
                 "Store the password itself, not its hash (for PLAIN and LOGIN of mechanisms=)")
      ->excludes(lm);
  add_password_input(*set_command, options->password_file);
  add_no_reload_option(*set_command, context);
  set_command->callback([&context, options, set_command] {
    refuse_stray_arguments(*set_command);
    context.status = set(context, *options);
  });

  auto* remove_command = credential->add_subcommand("remove", "Remove a credential that no rule uses");
  remove_command->add_option("ACCOUNT", options->account, "as in the list")->required();
  add_no_reload_option(*remove_command, context);
  remove_command->callback([&context, options] { context.status = remove(context, options->account); });

  auto* list_command = credential->add_subcommand("list", "List the credentials, without secrets");
  list_command->add_flag("--names", options->names_only, "The names alone, one a line");
  list_command->callback([&context, options] { context.status = list(context, options->names_only); });
}

}  // namespace smtpseal::cli
