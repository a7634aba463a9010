#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "../output.hpp"
#include "../run_as.hpp"
#include "checks.hpp"

namespace smtpseal::cli {
namespace {

// One file the daemons' user has to get at.
struct Need {
  std::string what;  // "files.domains"
  std::string path;
};

std::vector<Need> needed_files(Context& context, const policy::PolicyLoad& load) {
  const auto& values = context.values();
  std::vector<Need> needs{{"smtpseal.toml", context.config_path()}};
  for (const auto* name : {"files.domains", "files.credentials", "files.accounts", "relay.tls_ca_file",
                           "relay.tls_cert_file", "relay.tls_key_file"})
    needs.push_back({name, values.text(name)});
  if (load.set) {
    std::set<std::string> authorities;
    for (const auto& rule : load.set->domains.rules()) authorities.insert(rule.tls.ca_file);
    for (const auto& path : authorities) needs.push_back({"ca_file=", path});
  }
  std::erase_if(needs, [](const Need& need) {
    // One that is missing is the loader's to judge: some files may.
    return need.path.empty() || (::access(need.path.c_str(), F_OK) != 0 && errno == ENOENT);
  });
  return needs;
}

// Empty: the current user may. Opening says more than access(2): it is what a daemon does.
std::string refusal(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return std::strerror(errno);
  ::close(descriptor);
  return {};
}

std::string mode_mend(const Need& need, const std::string& user) {
  return "chgrp " + user + " " + need.path + " && chmod g+r " + need.path +
         ", and let the user into every directory above it";
}

void check_reading(const std::vector<Need>& needs, const Identity& user, Findings& findings) {
  std::size_t readable = 0;
  for (const auto& need : needs) {
    const auto text = run_as(user, {}, [&] { return refusal(need.path); });
    if (text.empty()) {
      ++readable;
    } else {
      findings.problem(need.what + " " + need.path + " cannot be read by user " + user.user + ": " + text,
                       mode_mend(need, user.user));
    }
  }
  if (readable > 0) findings.ok("user " + user.user + " can read " + counted(readable, "file"));
}

void check_key_mode(Context& context, Findings& findings) {
  const auto& values = context.values();
  const auto& own = values.text("relay.tls_key_file");
  const auto& key = own.empty() ? values.text("relay.tls_cert_file") : own;
  struct stat status {};
  if (key.empty()) return;
  if (::stat(key.c_str(), &status) != 0)
    return findings.problem("relay.tls_key_file " + key + ": " + std::strerror(errno), "put the key there");
  if ((status.st_mode & S_IRWXO) != 0)
    findings.problem(key + " holds the private key, and others may read it", "chmod o= " + key);
}

void check_state(Context& context, const Identity& user, Findings& findings) {
  const auto& directory = context.values().text("relay.state_directory");
  if (directory.empty())
    return findings.note("relay.state_directory is empty: a restart forgets which logins were refused");
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0)
    return findings.note(directory + " is not there yet; the relay makes it");
  const auto text = run_as(user, {}, [&] {
    const bool may = ::access(directory.c_str(), R_OK | W_OK | X_OK) == 0;
    return may ? std::string() : std::string(std::strerror(errno));
  });
  if (text.empty()) return findings.ok("user " + user.user + " can write to " + directory);
  findings.problem(
      "relay.state_directory " + directory + " cannot be written to by user " + user.user + ": " + text,
      "chown " + user.user + " " + directory + " && chmod u+rwx " + directory);
}

}  // namespace

void check_access(Context& context, const policy::PolicyLoad& load, Findings& findings) {
  findings.begin("files");
  check_key_mode(context, findings);
  const auto& name = context.values().text("process.user");
  if (name.empty())
    return findings.note("process.user is empty: the daemons run as the user who starts them");
  const auto user = identity_of(name);
  if (!user)
    return findings.problem(
        "process.user: there is no user " + name,
        "useradd --system --user-group --no-create-home --shell /usr/sbin/nologin " + name);
  if (!can_run_as(*user, {}))
    return findings.note("what user " + name + " can read is not known", "run smtpseal check as root");
  check_reading(needed_files(context, load), *user, findings);
  check_state(context, *user, findings);
}

}  // namespace smtpseal::cli
