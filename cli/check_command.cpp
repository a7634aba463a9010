#include "commands.hpp"
#include "output.hpp"

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
  return verdict(load.problems.size());
}

}  // namespace

void add_check_command(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("check", "Check the configuration and the tables; say what is wrong or weak");
  command->callback([&context] { context.status = check(context); });
}

}  // namespace smtpseal::cli
