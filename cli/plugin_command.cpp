#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "commands.hpp"
#include "output.hpp"
#include "plugin_place.hpp"
#include "sasl_probe.hpp"
#include "trusted_path.hpp"

namespace smtpseal::cli {
namespace {

struct Options {
  std::string plugin_dir = SaslProbeOptions().plugin_dir;
  std::string plugin = SMTPSEAL_PLUGIN_FILE;
  std::string application = SaslProbeOptions().application;
};

std::string file_of(const Options& options, const SaslPlugin& plugin) {
  return options.plugin_dir + "/lib" + plugin.name + ".so";
}

void add_rows(Columns& columns, const Options& options, const std::string& side, const SaslSide& found) {
  for (const auto& plugin : found.ntlm) {
    const bool is_used = &plugin == &found.ntlm.front();
    columns.add({side, file_of(options, plugin),
                 plugin.max_ssf == 0 ? "none" : std::to_string(plugin.max_ssf) + " bit",
                 is_used ? "used" : "-"});
  }
}

// Why the programs of this host do not get our NTLM; empty: they do.
std::string objection(const Options& options, const std::string& side, const SaslSide& found) {
  if (found.ntlm.empty()) return "as " + side + "s, SASL programs have no NTLM";
  if (found.uses_ours()) return {};
  return "as " + side + "s, SASL programs use the NTLM of " + file_of(options, found.ntlm.front());
}

bool has_mode(const std::string& path, mode_t bits) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & bits) != 0;
}

std::vector<std::string> warnings(const Options& options, const SaslProbe& probe) {
  std::vector<std::string> texts;
  // A host that only sends has no accounts.
  if (probe.server.uses_ours() && !probe.server.problem.empty())
    texts.push_back("no partner can log on here: " + probe.server.problem);
  if (probe.client.uses_ours() && probe.client.ntlm.size() > 1)
    texts.push_back(file_of(options, probe.client.ntlm[1]) +
                    " would be used without a word, were smtpseal's not to load");
  if (has_mode(options.plugin_dir, S_IWGRP | S_IWOTH) ||
      has_mode(options.plugin_dir + "/libsmtpseal.so", S_IWOTH))
    texts.push_back("Sendmail does not load " + options.plugin_dir +
                    "/libsmtpseal.so, since others can write to it");
  return texts;
}

std::vector<std::string> problems(const Options& options, const SaslProbe& probe) {
  std::vector<std::string> texts;
  if (!probe.load_error.empty()) texts.push_back("smtpseal's plugin cannot be loaded: " + probe.load_error);
  if (!probe.failure.empty()) texts.push_back("a program that loads the SASL plugins: " + probe.failure);
  for (const auto& text :
       {objection(options, "client", probe.client), objection(options, "server", probe.server)}) {
    if (!text.empty()) texts.push_back(text);
  }
  const std::string file = options.plugin_dir + "/libsmtpseal.so";
  if (std::filesystem::exists(file)) {
    const auto text = who_else_can_change(file);
    if (!text.empty()) texts.push_back("programs of root load " + file + ", but " + text);
  }
  if (texts.empty() && !probe.client.problem.empty())
    texts.push_back("no login will work: " + probe.client.problem);
  return texts;
}

bool uses_ours(const SaslProbe& probe) {
  return probe.client.uses_ours() && probe.server.uses_ours();
}

int status(Context& context, const Options& options) {
  const auto probe = probe_sasl({options.plugin_dir, context.config_file, options.application});
  Columns columns({"SIDE", "NTLM PLUGIN", "LAYER", "USED"});
  add_rows(columns, options, "client", probe.client);
  add_rows(columns, options, "server", probe.server);
  columns.print(std::cout);
  const auto found = problems(options, probe);
  for (const auto& text : found) std::cout << "problem: " << text << '\n';
  if (!uses_ours(probe) && !std::filesystem::exists(options.plugin_dir + "/libsmtpseal.so"))
    std::cout << "-> smtpseal plugin enable\n";
  print_warnings(std::cout, warnings(options, probe));
  std::cout << (found.empty() ? "OK: NTLM in SASL programs is smtpseal's\n"
                              : "NOT OK: NTLM in SASL programs is not smtpseal's, or does not work\n");
  return found.empty() ? kSuccess : kProblem;
}

void require_root() {
  if (::geteuid() != 0) throw Failure("this changes the SASL plugins of the whole host: run it as root");
}

int tell(const std::vector<std::string>& done) {
  for (const auto& sentence : done) std::cout << sentence << '\n';
  std::cout << (done.empty() ? "nothing to do\n"
                             : "restart the SASL servers that are running (Sendmail, smtpd)\n");
  return kSuccess;
}

bool has_layer(const SaslSide& side) {
  return !side.ntlm.empty() && side.ntlm.front().max_ssf > 0;
}

// Tries the plugin in a directory of its own first: what does not load there must not be put in the way of
// the programs of this host.
void require_loadable(const Context& context, const std::string& plugin) {
  std::string directory = (std::filesystem::temp_directory_path() / "smtpseal-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) throw Failure(directory + ": " + std::strerror(errno));
  std::error_code ignored;
  std::filesystem::create_symlink(plugin, directory + "/libsmtpseal.so", ignored);
  const auto probe = probe_sasl({.plugin_dir = directory, .config_file = context.config_file});
  std::filesystem::remove_all(directory, ignored);
  if (has_layer(probe.client) && has_layer(probe.server)) return;
  if (!probe.load_error.empty()) std::cerr << "problem: " << probe.load_error << '\n';
  throw Failure("libsasl2 does not take " + plugin +
                (probe.failure.empty() ? "" : " (" + probe.failure + ")") + "; nothing was changed");
}

int enable(Context& context, const Options& options) {
  require_root();
  if (::access(options.plugin.c_str(), R_OK) != 0)
    throw Failure(options.plugin + ": " + std::strerror(errno));
  const auto plugin = std::filesystem::canonical(options.plugin).string();
  if (const auto text = who_else_can_change(plugin); !text.empty())
    throw Failure("programs of root would load it, but " + text + "; nothing was changed");
  require_loadable(context, plugin);
  std::vector<std::string> done;
  PluginPlace(options.plugin_dir, plugin).enable(done);
  tell(done);
  return status(context, options);
}

int disable(const Options& options) {
  require_root();
  std::vector<std::string> done;
  PluginPlace(options.plugin_dir, options.plugin).disable(done);
  return tell(done);
}

void add_place(CLI::App& command, Options& options) {
  command
      .add_option("--plugin-dir", options.plugin_dir,
                  "Where libsasl2 looks for plugins; default " + options.plugin_dir)
      ->type_name("DIRECTORY");
}

}  // namespace

void add_plugin_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("plugin", "The SASL mechanism NTLM that programs of this host get");
  command->require_subcommand(1);
  auto options = std::make_shared<Options>();
  auto* show = command->add_subcommand(
      "status", "Say which plugins provide NTLM, which of them programs use, and whether it works");
  add_place(*show, *options);
  show->add_option("--application", options->application,
                   "Read the SASL configuration of this program, such as Sendmail or smtpd")
      ->type_name("NAME");
  show->callback([&context, options] { context.status = status(context, *options); });
  auto* on = command->add_subcommand("enable", "Make smtpseal's NTLM the one that is used");
  add_place(*on, *options);
  on->add_option("--plugin", options->plugin, "The plugin; default " + options->plugin)->type_name("FILE");
  on->callback([&context, options] { context.status = enable(context, *options); });
  auto* off = command->add_subcommand("disable", "Take back what enable did");
  add_place(*off, *options);
  off->callback([&context, options] { context.status = disable(*options); });
}

}  // namespace smtpseal::cli
