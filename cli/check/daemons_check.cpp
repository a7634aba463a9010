#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "../control.hpp"
#include "../output.hpp"
#include "checks.hpp"
#include "smtpseal/control/daemon_state.hpp"
#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/version.hpp"
#include "socket_questions.hpp"

namespace smtpseal::cli {
namespace {

struct Socket {
  std::string parameter;
  std::string endpoint;
  std::string problem;
};

// Every parameter SECTION.listen and SECTION.*_listen* that names something.
std::vector<Socket> sockets_of(const config::Values& values, const std::string& section) {
  std::vector<Socket> sockets;
  for (const auto& param : config::all_params()) {
    const bool listens =
        param.name.starts_with(section + ".") && param.name.find("listen") != std::string::npos;
    if (!listens) continue;
    const std::string parameter(param.name);
    if (param.type == config::Type::text && !values.text(param.name).empty())
      sockets.push_back({parameter, values.text(param.name), {}});
    if (param.type != config::Type::list) continue;
    for (const auto& endpoint : values.list(param.name)) sockets.push_back({parameter, endpoint, {}});
  }
  return sockets;
}

// False: the daemon would not start with it.
bool is_address(const Socket& socket, Findings& findings) {
  try {
    daemon::parse_endpoint(socket.endpoint);
    return true;
  } catch (const daemon::StartupError& error) {
    findings.problem(socket.parameter + ": " + error.what());
    return false;
  }
}

// False: the daemon does not run, or cannot be asked.
bool check_sockets(const std::string& program, std::vector<Socket> sockets, Findings& findings) {
  for (auto& socket : sockets) socket.problem = cannot_connect(daemon::parse_endpoint(socket.endpoint));
  const auto is_silent = [](const Socket& each) { return !each.problem.empty(); };
  if (std::ranges::all_of(sockets, is_silent)) {
    const auto denied = std::generic_category().message(EACCES);
    if (sockets.front().problem == denied) {
      findings.note("whether " + program + " runs is not known: " + sockets.front().endpoint + ": " + denied,
                    "run smtpseal check as root");
      return false;
    }
    findings.note(program + " does not run: " + sockets.front().endpoint + ": " + sockets.front().problem,
                  "systemctl enable --now " + program);
    return false;
  }
  if (std::ranges::none_of(sockets, is_silent))
    findings.ok(program + " answers at " + counted(sockets.size(), "socket"));
  const bool is_root = ::geteuid() == 0;
  for (const auto& socket : sockets) {
    if (!is_silent(socket)) continue;
    const auto text = socket.parameter + " " + socket.endpoint + ": " + socket.problem;
    if (is_root) {
      findings.problem(program + " runs, but " + text, "systemctl restart " + program);
    } else {
      findings.note(text, "run smtpseal check as root");
    }
  }
  return true;
}

// What changed after the daemon had read it.
std::string newer_file(const policy::PolicyFiles& files, const std::string& section, control::Time loaded) {
  std::vector<std::string> used{files.domains, files.accounts};
  if (section == "relay") used.push_back(files.credentials);
  for (const auto& path : used) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && status.st_mtime > loaded) return path;
  }
  return {};
}

void check_tables_in_use(Context& context, const std::string& section, const control::DaemonState& state,
                         Findings& findings) {
  const auto& tables = state.tables;
  const auto& program = state.program;
  if (!tables.problem.empty())
    return findings.problem(
        program + (tables.loaded == 0 ? " has no tables: " : " keeps its old tables: ") + tables.problem,
        "mend it, then smtpseal reload");
  if (const auto file = newer_file(context.files(), section, tables.loaded); !file.empty())
    return findings.warning(program + " uses tables that are older than " + file, "smtpseal reload");
  findings.ok(program + " uses " + tables.content);
}

void check_state(Context& context, const std::string& section, Findings& findings) {
  try {
    const auto reply = ask_daemon(context, section, "info");
    const auto state = reply ? control::parse_state(reply->text) : std::nullopt;
    if (!state) return findings.note("smtpseal-" + section + " does not say what it uses");
    if (state->version != version())
      findings.warning(
          state->program + " runs version " + state->version + ", and this is " + std::string(version()),
          "systemctl restart " + state->program);
    check_tables_in_use(context, section, *state, findings);
  } catch (const Failure& failure) {
    findings.note(failure.what());
  }
}

}  // namespace

void check_daemons(Context& context, Findings& findings) {
  findings.begin("daemons");
  for (const std::string section : {"policyd", "relay", "milter"}) {
    auto sockets = sockets_of(context.values(), section);
    std::erase_if(sockets, [&](const Socket& each) { return !is_address(each, findings); });
    if (sockets.empty()) continue;
    if (check_sockets("smtpseal-" + section, std::move(sockets), findings))
      check_state(context, section, findings);
  }
}

}  // namespace smtpseal::cli
