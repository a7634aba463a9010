#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "atomic_file.hpp"
#include "backup.hpp"
#include "command_run.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "postfix_plan.hpp"
#include "progress.hpp"
#include "run_as.hpp"

namespace smtpseal::cli {
namespace {

struct Options {
  bool inbound = false;
  bool apply = false;
  bool revert = false;
  bool reload = false;
  bool force = false;
  std::string directory;
};

constexpr std::string_view kUnix = "unix:";

PostfixSetup require_postfix(const std::string& directory) {
  auto setup = PostfixSetup::load(directory);
  if (!setup)
    throw Failure(
        "there is no Postfix with a main.cf on this host; --postfix-config names the directory of another");
  return std::move(*setup);
}

void print_service(const PlannedService& service) {
  std::cout << service.line() << '\n';
  for (const auto& [name, value] : service.overrides) std::cout << "  -o " << name << '=' << value << '\n';
}

void print_plan(const PostfixSetup& setup, const PostfixPlan& plan) {
  std::cout << "# " << setup.directory() << "/main.cf\n";
  for (const auto& setting : plan.settings()) std::cout << setting.name << " = " << setting.value << '\n';
  std::cout << "\n# " << setup.directory() << "/master.cf\n";
  for (const auto& service : plan.services()) print_service(service);
  std::cout << '\n'
            << (plan.is_done() ? "# All of it is so already.\n"
                               : "# smtpseal postfix-config --apply sets what is not so yet.\n");
}

// Directories of unix sockets below the queue directory, where packages and administrators put them.
std::set<std::string> socket_directories(const config::Values& values, const PostfixSetup& setup) {
  std::set<std::string> directories;
  const auto add = [&](const std::string& endpoint) {
    const auto path = endpoint.substr(std::min(endpoint.size(), kUnix.size()));
    if (endpoint.starts_with(kUnix) && path.starts_with(setup.queue_directory() + "/"))
      directories.insert(directory_of(path));
  };
  for (const auto* name :
       {"policyd.listen", "policyd.policy_listen", "relay.lmtp_listen", "relay.lmtp_listen_seven_bit"})
    for (const auto& endpoint : values.list(name)) add(endpoint);
  add(values.text("milter.listen"));
  return directories;
}

// 2750: the daemons' own, Postfix's group may go in, and sockets made there get that group.
void make_socket_directory(const config::Values& values, const PostfixSetup& setup, const std::string& path) {
  if (::mkdir(path.c_str(), 0750) != 0) {
    if (errno == EEXIST) return;
    throw Failure(path + ": " + std::strerror(errno));
  }
  const auto& user = values.text("process.user");
  const auto owner = identity_of(user);
  const auto postfix = identity_of(setup.value("mail_owner"));
  // What was made, whatever has taken its place meanwhile: the directory above may be the daemons'.
  const int made = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const bool is_given = owner && postfix && made >= 0 && ::fchown(made, owner->uid, postfix->gid) == 0 &&
                        ::fchmod(made, 02750) == 0;
  const int error = errno;
  if (made >= 0) ::close(made);
  if (!is_given) {
    ::rmdir(path.c_str());
    throw Failure(path + " cannot be given to user " + user + ": " +
                  (owner && postfix ? std::strerror(error) : "there is no such user"));
  }
  std::cout << "made " << path << '\n';
}

void change_main(const PostfixSetup& setup, const PostfixPlan& plan) {
  std::vector<std::string> arguments{"-e"};
  for (const auto& setting : plan.settings()) {
    if (!setting.is_so) arguments.push_back(setting.name + "=" + setting.value);
  }
  if (arguments.size() > 1) run_command(setup.postconf(arguments));
}

void change_master(const PostfixSetup& setup, const PostfixPlan& plan) {
  for (const auto& service : plan.services()) {
    const auto path = service.name + "/" + service.type;
    if (!service.is_there) run_command(setup.postconf({"-M", path + "=" + service.line()}));
    std::vector<std::string> arguments{"-P"};
    for (const auto& [name, value] : service.missing) arguments.push_back(path + "/" + name + "=" + value);
    if (arguments.size() > 1) run_command(setup.postconf(arguments));
  }
}

Backup backup_of(const PostfixSetup& setup) {
  return {setup.directory(), {"main.cf", "master.cf"}};
}

void check_by_postfix(const PostfixSetup& setup) {
  try {
    run_command({"postfix", "-c", setup.directory(), "check"});
  } catch (const Failure& failure) {
    throw Failure(std::string("postfix check: ") + failure.what() +
                  "; the log of Postfix may say more; nothing was changed");
  }
}

// Postfix itself has the last word; what it does not like is taken back.
void change(const PostfixSetup& setup, const PostfixPlan& plan) {
  auto backup = backup_of(setup);
  backup.make();
  try {
    Progress progress;
    progress.show("changing the configuration of Postfix");
    change_main(setup, plan);
    change_master(setup, plan);
    check_by_postfix(setup);
    backup.seal();
  } catch (const Failure&) {
    backup.put_back(true);
    throw;
  }
  std::cout << "changed main.cf and master.cf in " << setup.directory() << "; as they were: *.smtpseal-"
            << backup.time() << '\n';
}

void finish(const PostfixSetup& setup, const Options& options) {
  if (!options.reload) {
    std::cout
        << "next: postfix reload (postfix stop and start where ports have changed), then smtpseal check\n";
    return;
  }
  run_command({"postfix", "-c", setup.directory(), "reload"});
  std::cout << "Postfix is reloaded; next: smtpseal check\n";
}

int apply(Context& context, const PostfixSetup& setup, const PostfixPlan& plan, const Options& options) {
  const auto& values = context.values();
  for (const auto& directory : socket_directories(values, setup))
    make_socket_directory(values, setup, directory);
  if (plan.is_done()) {
    std::cout << "nothing to do: " << setup.directory() << " has all of it already\n";
    return kSuccess;
  }
  change(setup, plan);
  finish(setup, options);
  return kSuccess;
}

int revert(const PostfixSetup& setup, const Options& options) {
  const auto time = backup_of(setup).put_back(options.force);
  std::cout << "main.cf and master.cf in " << setup.directory() << " are as they were at " << time << '\n';
  finish(setup, options);
  return kSuccess;
}

int postfix_config(Context& context, const Options& options) {
  const auto setup = require_postfix(options.directory);
  if (options.revert) return revert(setup, options);
  const auto& values = context.values();
  const bool takes_port = !values.list("relay.smtp_listen").empty();
  if (options.inbound && !takes_port)
    throw Failure(
        "to receive, relay.smtp_listen of " + context.config_path() +
        " has to name this host's public address first, such as smtp_listen = [\"inet:192.0.2.2:25\"] "
        "below [relay]");
  const PostfixPlan plan(values, setup, options.inbound || takes_port);
  if (options.apply) return apply(context, setup, plan, options);
  print_plan(setup, plan);
  return kSuccess;
}

}  // namespace

void add_postfix_config_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "postfix-config", "Print, or set, the lines of main.cf and master.cf that this host needs");
  auto options = std::make_shared<Options>();
  command->add_flag("--inbound", options->inbound,
                    "The receiving side too; it is printed anyway where relay.smtp_listen is set");
  auto* apply_flag = command->add_flag("--apply", options->apply,
                                       "Set them with postconf, after copying both files to *.smtpseal-TIME");
  auto* revert_flag = command->add_flag("--revert", options->revert, "Put the newest copies back");
  apply_flag->excludes(revert_flag);
  command->add_flag("--force", options->force, "With --revert: even where the files were changed since")
      ->needs(revert_flag);
  command->add_flag("--reload", options->reload, "With --apply or --revert: reload Postfix afterwards");
  command
      ->add_option("--postfix-config", options->directory,
                   "Where main.cf and master.cf are; default: what postconf says")
      ->type_name("DIRECTORY");
  command->callback([&context, options] { context.status = postfix_config(context, *options); });
}

}  // namespace smtpseal::cli
