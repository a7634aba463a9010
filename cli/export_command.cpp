#include <functional>

#include "atomic_file.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "smtpseal/policy/sendmail_tables.hpp"
#include "smtpseal/policy/transport_table.hpp"

namespace smtpseal::cli {
namespace {

struct Options {
  bool regexp = false;
  bool mailertable = false;
  std::string output;
};

using Table = std::function<std::string(const policy::PolicySet&)>;

int export_table(Context& context, const std::string& output, const Table& table) {
  const auto load = context.load(context.domains_only());
  if (!load.set) {
    print_problems(std::cerr, load.problems);
    throw Failure("the rules have problems; nothing was exported");
  }
  const auto text = table(*load.set);
  if (output.empty()) {
    std::cout << text;
    return kSuccess;
  }
  AtomicFile file(output, {});
  file.write(text);
  file.commit();
  return kSuccess;
}

int export_postfix(Context& context, const Options& options) {
  const auto& values = context.values();
  const policy::TransportTargets targets{values.text("policyd.transport"),
                                         values.text("policyd.transport_seven_bit")};
  return export_table(context, options.output, [&](const policy::PolicySet& set) {
    return options.regexp ? policy::export_transport_regexp(set, targets)
                          : policy::export_transport_table(set, targets);
  });
}

// Sendmail cannot tell how strong the seal of its own login is; it takes a login for the strength that the
// plugin refuses to go below. So an entry above that, or without that, would promise what nobody holds.
void require_plugin_to_hold(Context& context, const policy::DomainMap& domains) {
  if (!domains.secures_any()) return;
  const auto& values = context.values();
  if (values.text("sasl.client_layer") != "require")
    throw Failure("Sendmail seals by itself only where " + context.config_path() +
                  " has sasl.client_layer = \"require\"; nothing was exported");
  const auto& limit = values.text("sasl.client_strength");
  for (const auto& rule : domains.rules()) {
    if (rule.tls.mode != policy::TlsMode::none)
      throw Failure(
          rule.origin.text() + ": " + rule.pattern +
          " asks for TLS, which a Sendmail that seals by itself does not do; such mail goes by the "
          "relay (SMTPSEAL_OUTBOUND relay), or without a rule of smtpseal by TLS_Rcpt: of Sendmail; nothing "
          "was exported");
    if (rule.level == policy::Level::seal && rule.strength > std::stoul(limit))
      throw Failure(rule.origin.text() + ": " + rule.pattern + " needs " + std::to_string(rule.strength) +
                    " bit, but sasl.client_strength of " + context.config_path() + " is " + limit +
                    "; nothing was exported");
  }
}

int export_sendmail(Context& context, const Options& options) {
  const auto& values = context.values();
  const policy::MailerNames mailers{values.text("policyd.mailer"), values.text("policyd.mailer_seven_bit")};
  return export_table(context, options.output, [&](const policy::PolicySet& set) {
    if (options.mailertable) return policy::export_mailertable(set, mailers);
    require_plugin_to_hold(context, set.domains);
    return policy::export_access(set);
  });
}

void add_output(CLI::App& command, Options& options) {
  command.add_option("--output", options.output, "Replace this file; default: standard output")
      ->type_name("FILE");
}

}  // namespace

void add_export_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("export", "Write the rules for another program");
  command->require_subcommand(1);
  auto options = std::make_shared<Options>();
  auto* postfix = command->add_subcommand(
      "postfix", "A transport(5) table: the same answers without a daemon in the path");
  postfix->add_flag("--regexp", options->regexp,
                    "The regexp_table(5) of address forms that hide a listed domain");
  add_output(*postfix, *options);
  postfix->callback([&context, options] { context.status = export_postfix(context, *options); });
  auto* sendmail = command->add_subcommand(
      "sendmail", "Entries of the access map, for a Sendmail that seals by itself with the SASL plugin");
  sendmail->add_flag("--mailertable", options->mailertable,
                     "A mailertable to the relay instead: the same answers without a daemon in the path");
  add_output(*sendmail, *options);
  sendmail->callback([&context, options] { context.status = export_sendmail(context, *options); });
}

}  // namespace smtpseal::cli
