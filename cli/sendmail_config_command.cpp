#include <map>

#include "commands.hpp"
#include "output.hpp"
#include "smtpseal/policy/checked_file.hpp"
#include "toml_text.hpp"

namespace smtpseal::cli {
namespace {

struct Options {
  bool inbound = false;
  bool native = false;
};

std::string defined(const std::string& name, const std::string& value) {
  return "define(`" + name + "', `" + value + "')dnl\n";
}

// Accounts with relay=yes as SMTPSEAL_RELAYING wants them: a blank in one is +20.
std::string relaying_accounts(Context& context) {
  const auto file = context.files().accounts;
  const auto read = policy::read_checked_file(file, policy::Confidential::yes);
  if (!read.text) return {};
  std::vector<policy::Problem> ignored;
  std::string names;
  const auto accounts = policy::Accounts::parse(context.engine(), read.text->reveal(), file, ignored);
  for (const auto& account : accounts.entries()) {
    if (!account.relay) continue;
    std::string name;
    for (const char c : account.account) name += c == ' ' ? std::string("+20") : std::string(1, c);
    names += (names.empty() ? "" : " ") + name;
  }
  return names;
}

void print_mc(Context& context, const Options& options) {
  std::cout << "dnl At the end of /etc/mail/sendmail.mc, behind MAILER(`smtp'):\n";
  std::cout << defined("SMTPSEAL_OUTBOUND", options.native ? "native" : "relay");
  if (options.native) std::cout << defined("SMTPSEAL_SSF", context.values().text("sasl.client_strength"));
  if (options.inbound) {
    std::cout << defined("SMTPSEAL_INBOUND", "yes");
    if (const auto accounts = relaying_accounts(context); !accounts.empty())
      std::cout << defined("SMTPSEAL_RELAYING", accounts);
  } else {
    std::cout << defined("SMTPSEAL_MILTER", "");
  }
  std::cout << "include(`" SMTPSEAL_M4_FILE "')dnl\n";
}

// Sockets where smtpseal.m4 has them, reached by Sendmail as root.
std::vector<std::pair<std::string, std::string>> needed_parameters(const Options& options) {
  std::vector<std::pair<std::string, std::string>> needed;
  if (options.native) {
    needed.emplace_back("sasl.client_layer", toml_string("require"));
  } else {
    needed.emplace_back("policyd.listen", toml_list({"unix:/run/smtpseal/policyd"}));
    needed.emplace_back("policyd.policy_listen", "[]");
    needed.emplace_back("policyd.control_listen", toml_list({"unix:/run/smtpseal/control-policyd"}));
    needed.emplace_back("policyd.socket_group", toml_string(""));
    needed.emplace_back("relay.lmtp_listen", toml_list({"unix:/run/smtpseal/relay"}));
    needed.emplace_back("relay.lmtp_listen_seven_bit", toml_list({"unix:/run/smtpseal/relay-7bit"}));
    needed.emplace_back("relay.query_listen", "[]");
    needed.emplace_back("relay.control_listen", toml_list({"unix:/run/smtpseal/control"}));
    needed.emplace_back("relay.socket_group", toml_string(""));
  }
  if (options.inbound) {
    needed.emplace_back("inbound.relay_query", toml_string(""));
    needed.emplace_back("milter.listen", toml_string("unix:/run/smtpseal/milter"));
    needed.emplace_back("milter.control_listen", toml_list({"unix:/run/smtpseal/control-milter"}));
    needed.emplace_back("milter.socket_group", toml_string(""));
  }
  return needed;
}

std::string current_value(const config::Values& values, const std::string& name) {
  for (const auto& param : config::all_params()) {
    if (param.name == name) return toml_value(values, param);
  }
  throw Failure("there is no parameter " + name);
}

void print_toml(Context& context, const Options& options) {
  std::map<std::string, std::string> sections;
  for (const auto& [name, value] : needed_parameters(options)) {
    if (current_value(context.values(), name) == value) continue;
    const auto dot = name.find('.');
    sections[name.substr(0, dot)] += name.substr(dot + 1) + " = " + value + "\n";
  }
  std::cout << "\n# " << context.config_path() << (sections.empty() ? " has what this needs.\n" : ":\n");
  for (const auto& [section, lines] : sections) std::cout << '[' << section << "]\n" << lines;
}

void print_rest(const Options& options) {
  if (options.inbound || options.native) std::cout << "\n# The plugin:\nsmtpseal plugin enable\n";
  if (options.inbound) std::cout << "\n# /etc/sasl2/Sendmail.conf:\nmech_list: NTLM\n";
  if (options.native)
    std::cout << "\n# The access map, again after every change of the domains:\n"
                 "smtpseal export sendmail --output /etc/mail/access.smtpseal\n"
                 "cat /etc/mail/access.smtpseal /etc/mail/access.local | makemap hash /etc/mail/access\n";
  std::cout << "\n# Then:\nm4 /etc/mail/sendmail.mc >/etc/mail/sendmail.cf && systemctl restart sendmail\n";
}

int sendmail_config(Context& context, const Options& options) {
  print_mc(context, options);
  print_toml(context, options);
  print_rest(options);
  return kSuccess;
}

}  // namespace

void add_sendmail_config_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "sendmail-config", "Print the lines of sendmail.mc and smtpseal.toml that a Sendmail host needs");
  auto options = std::make_shared<Options>();
  command->add_flag("--inbound", options->inbound, "Partners log on to Sendmail here");
  command->add_flag("--native", options->native,
                    "Sendmail seals by itself with the plugin, not by the relay");
  command->callback([&context, options] { context.status = sendmail_config(context, *options); });
}

}  // namespace smtpseal::cli
