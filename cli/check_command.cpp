#include <algorithm>

#include "commands.hpp"
#include "output.hpp"
#include "sasl_probe.hpp"

namespace smtpseal::cli {
namespace {

int verdict(std::size_t problems) {
  if (problems == 0) {
    std::cout << "OK: the configuration and the tables are valid\n";
    return kSuccess;
  }
  std::cout
      << "NOT OK: " << counted(problems, "problem")
      << ". Until this is solved a running daemon keeps its old rules; one that has none defers all mail.\n";
  return kProblem;
}

// Whoever sets a parameter of the SASL plugin expects that it is the plugin that is used.
void warn_of_another_plugin(Context& context) {
  const auto& values = context.values();
  const bool is_expected = std::ranges::any_of(config::all_params(), [&](const config::Param& param) {
    return param.name.starts_with("sasl.") && !values.is_default(param.name);
  });
  if (!is_expected) return;
  const auto probe = probe_sasl({.config_file = context.config_file});
  if (probe.client.uses_ours() && probe.server.uses_ours()) return;
  std::cout
      << "warning: [sasl] is set, but NTLM in SASL programs of this host is not smtpseal's; see: smtpseal "
         "plugin status\n";
}

int check(Context& context) {
  const auto& values = context.values();
  const auto load = context.load(context.files());
  Columns columns({"FILE", "ENTRIES"});
  columns.add({context.config_path(), "-"});
  if (load.set) {
    columns.add({values.text("files.domains"), counted(load.set->domains.rules().size(), "rule")});
    columns.add(
        {values.text("files.credentials"), counted(load.set->credentials.entries().size(), "credential")});
    columns.add({values.text("files.accounts"), counted(load.set->accounts.entries().size(), "account")});
    columns.print(std::cout);
  }
  print_problems(std::cout, load.problems);
  print_warnings(std::cout, load.warnings);
  warn_of_another_plugin(context);
  return verdict(load.problems.size());
}

}  // namespace

void add_check_command(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("check", "Check the configuration and the tables; say what is wrong or weak");
  command->callback([&context] { context.status = check(context); });
}

}  // namespace smtpseal::cli
