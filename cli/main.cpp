// smtpseal: the administrator's tool for the domain, credential and account tables.
#include "commands.hpp"

namespace {

int run(int argc, char** argv) {
  using namespace smtpseal::cli;
  Context context;
  CLI::App app("Sets up and checks which domains smtpseal protects.", "smtpseal");
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default(false);
  app.add_option("--config", context.config_file, "Configuration; default /etc/smtpseal/smtpseal.toml")
      ->type_name("FILE");
  add_domain_command(app, context);
  add_account_command(app, context);
  add_credential_command(app, context);
  add_check_command(app, context);
  add_export_command(app, context);
  add_query_command(app, context);
  add_holds_command(app, context);
  add_plugin_command(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kSuccess : kUsage;
  } catch (const Failure& failure) {
    std::cerr << "smtpseal: " << failure.what() << '\n';
    return kProblem;
  }
  return context.status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "smtpseal: " << error.what() << '\n';
    return smtpseal::cli::kProblem;
  }
}
