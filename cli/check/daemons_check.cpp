#include <unistd.h>

#include <algorithm>

#include "../output.hpp"
#include "checks.hpp"
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

void check_daemon(const std::string& program, std::vector<Socket> sockets, Findings& findings) {
  for (auto& socket : sockets) socket.problem = cannot_connect(postfix_endpoint(socket.endpoint));
  const auto silent =
      std::ranges::count_if(sockets, [](const Socket& each) { return !each.problem.empty(); });
  const auto all = static_cast<std::ptrdiff_t>(sockets.size());
  if (silent == all && all > 0)
    return findings.note(
        program + " does not run: " + sockets.front().endpoint + ": " + sockets.front().problem,
        "systemctl enable --now " + program);
  if (silent == 0) return findings.ok(program + " answers at " + counted(sockets.size(), "socket"));
  const bool is_root = ::geteuid() == 0;
  for (const auto& socket : sockets) {
    if (socket.problem.empty()) continue;
    const auto text = socket.parameter + " " + socket.endpoint + ": " + socket.problem;
    if (is_root) {
      findings.problem(program + " runs, but " + text, "systemctl restart " + program);
    } else {
      findings.note(text, "run smtpseal check as root");
    }
  }
}

}  // namespace

void check_daemons(Context& context, Findings& findings) {
  findings.begin("daemons");
  for (const auto* section : {"policyd", "relay", "milter"})
    check_daemon(std::string("smtpseal-") + section, sockets_of(context.values(), section), findings);
}

}  // namespace smtpseal::cli
