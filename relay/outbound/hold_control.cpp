#include "outbound/hold_control.hpp"

namespace smtpseal::relay {

using postfix::SocketmapReply;
using postfix::SocketmapStatus;

namespace {

SocketmapReply lift(CredentialGate& gate, std::string_view account) {
  switch (gate.lift(account)) {
    case CredentialGate::Lifted::no:
      return {SocketmapStatus::notfound, {}};
    case CredentialGate::Lifted::yes:
      return {SocketmapStatus::ok, "lifted"};
    case CredentialGate::Lifted::in_memory_only:
      break;
  }
  return {SocketmapStatus::ok, "lifted until the next start: relay.state_directory cannot be written to"};
}

}  // namespace

SocketmapReply hold_answer(CredentialGate& gate, const postfix::SocketmapRequest& request) {
  if (request.map == "holds" && request.key == "*")
    return {SocketmapStatus::ok, holds::format_list(gate.list())};
  if (request.map == "lift") return lift(gate, request.key);
  return {SocketmapStatus::perm, "expected \"holds *\" or \"lift ACCOUNT\""};
}

}  // namespace smtpseal::relay
