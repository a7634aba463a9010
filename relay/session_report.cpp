#include "session_report.hpp"

namespace smtpseal::relay {

using postfix::SocketmapReply;
using postfix::SocketmapStatus;

SocketmapReply sessions_answer(const SessionRegistry& inbound, const HopRegistry& outbound,
                               const postfix::SocketmapRequest& request) {
  if (request.key != "*") return {SocketmapStatus::perm, "expected \"sessions *\""};
  std::vector<control::SessionInfo> list;
  inbound.report(list, control::kMaxSessions);
  outbound.report(list, control::kMaxSessions);
  return {SocketmapStatus::ok, control::format_sessions(inbound.size() + outbound.size(), list)};
}

}  // namespace smtpseal::relay
