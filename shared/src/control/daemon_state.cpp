#include "smtpseal/control/daemon_state.hpp"

#include "../name_values.hpp"

namespace smtpseal::control {
std::string format_state(const DaemonState& state) {
  return "program=" + plain_xtext(state.program) + " version=" + plain_xtext(state.version) +
         " pid=" + std::to_string(state.pid) + " started=" + std::to_string(state.started) +
         " loaded=" + std::to_string(state.tables.loaded) + " content=" + plain_xtext(state.tables.content) +
         " problem=" + plain_xtext(state.tables.problem);
}

std::optional<DaemonState> parse_state(std::string_view text) {
  NameValues values(text);
  DaemonState state;
  state.program = values.text("program");
  state.version = values.text("version");
  state.pid = values.number("pid");
  state.started = static_cast<Time>(values.number("started"));
  state.tables.loaded = static_cast<Time>(values.number("loaded"));
  state.tables.content = values.text("content");
  state.tables.problem = values.text("problem");
  // There is one way to write it; what is written otherwise was not written by us.
  if (!values.is_complete() || format_state(state) != text) return std::nullopt;
  return state;
}

}  // namespace smtpseal::control
