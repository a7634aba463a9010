// The inbound sessions that are open, found by the two ends of their connection: the milter and the policy
// daemon, who see these by XCLIENT, ask what protects a session. Both ends are needed: a client can use one
// port for a sealed session with us and a plain one with another listener of this host at the same time.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smtpseal/control/session_list.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace smtpseal::relay {

using TcpEndpoint = boost::asio::ip::tcp::endpoint;
class SmtpSession;

class SessionRegistry {
 public:
  // A client that has reset its connection can come again from the same port before the old session has
  // noticed: the new one counts.
  void add(const TcpEndpoint& client, const TcpEndpoint& server, const SmtpSession* session) {
    sessions_[{client, server}] = session;
  }
  // Removes `session`, and no newer one with the same ends.
  void remove(const TcpEndpoint& client, const TcpEndpoint& server, const SmtpSession* session) {
    const auto found = sessions_.find({client, server});
    if (found != sessions_.end() && found->second == session) sessions_.erase(found);
  }

  [[nodiscard]] std::size_t size() const { return sessions_.size(); }
  // Adds them to `list`, until it has `most`.
  void report(std::vector<control::SessionInfo>& list, std::size_t most) const;

  // The socketmap answer to "session CLIENT SERVER", both as "192.0.2.7:40112" or "[2001:db8::7]:40112":
  // status::format_session() of it, NOTFOUND, or PERM where the key is none.
  [[nodiscard]] postfix::SocketmapReply answer(std::string_view key) const;

 private:
  std::map<std::pair<TcpEndpoint, TcpEndpoint>, const SmtpSession*> sessions_;
};

}  // namespace smtpseal::relay
