#include "all_commands.hpp"

#include "choices.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "smtpseal/version.hpp"
#include "usage_error.hpp"

namespace smtpseal::cli {
namespace {

ColorMode color_mode(const std::string& when) {
  if (when == "always") return ColorMode::always;
  return when == "never" ? ColorMode::never : ColorMode::automatic;
}

void add_global_options(CLI::App& app, Context& context) {
  app.set_version_flag("--version", "smtpseal " + std::string(version()), "Print the version and exit");
  app.add_option("--config", context.config_file, "Configuration; default /etc/smtpseal/smtpseal.toml")
      ->type_name("FILE");
  auto* color = app.add_option_function<std::string>(
      "--color", [](const std::string& when) { set_color_mode(color_mode(when)); },
      "Colour: auto is where the output is a terminal");
  allow_only(color, {"auto", "always", "never"})->trigger_on_parse();
}

}  // namespace

void add_commands(CLI::App& app, Context& context) {
  app.name("smtpseal");
  app.description("Sets up and checks which domains smtpseal protects.");
  app.require_subcommand(1);
  app.failure_message(usage_error);
  app.get_formatter()->label("Positionals", "Arguments");
  app.footer("Each command has --help; smtpseal(1) has all of it.");
  app.option_defaults()->always_capture_default(false);
  add_global_options(app, context);
  add_domain_command(app, context);
  add_account_command(app, context);
  add_credential_command(app, context);
  add_check_command(app, context);
  add_postfix_config_command(app, context);
  add_sendmail_config_command(app, context);
  add_config_command(app, context);
  add_export_command(app, context);
  add_query_command(app, context);
  add_headers_command(app, context);
  add_holds_command(app, context);
  add_plugin_command(app, context);
  add_analyze_command(app, context);
  add_probe_command(app, context);
  add_reload_command(app, context);
  add_sessions_command(app, context);
  add_stats_command(app, context);
  add_completion_command(app, context);
}

}  // namespace smtpseal::cli
