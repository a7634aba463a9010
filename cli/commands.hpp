// The subcommands. Each function declares one with its options; its callback runs while the command line is
// parsed, and leaves its exit status in the context, which must outlive `app`.
#pragma once

#include <CLI/CLI.hpp>

#include "context.hpp"

namespace smtpseal::cli {

void add_domain_command(CLI::App& app, Context& context);      // domain add | set | show | ...
void add_account_command(CLI::App& app, Context& context);     // account add | passwd | remove | list
void add_credential_command(CLI::App& app, Context& context);  // credential set | remove | list
void add_analyze_command(CLI::App& app, Context& context);
void add_check_command(CLI::App& app, Context& context);
void add_completion_command(CLI::App& app, Context& context);  // completion bash | zsh
void add_config_command(CLI::App& app, Context& context);      // config show
void add_export_command(CLI::App& app, Context& context);      // export postfix | sendmail
void add_headers_command(CLI::App& app, Context& context);
void add_holds_command(CLI::App& app, Context& context);   // holds | holds lift
void add_plugin_command(CLI::App& app, Context& context);  // plugin status | enable | disable
void add_reload_command(CLI::App& app, Context& context);
void add_probe_command(CLI::App& app, Context& context);
void add_postfix_config_command(CLI::App& app, Context& context);
void add_stats_command(CLI::App& app, Context& context);
void add_query_command(CLI::App& app, Context& context);
void add_sendmail_config_command(CLI::App& app, Context& context);

}  // namespace smtpseal::cli
