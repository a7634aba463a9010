// Addresses the daemons listen at and connect to: "unix:/path", "inet:192.0.2.1:25", "inet:[2001:db8::1]:25".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/config/params.hpp"
#include "smtpseal/daemon/async.hpp"

namespace smtpseal::daemon {

using Endpoint = asio::generic::stream_protocol::endpoint;

// Throws StartupError where the text is no endpoint. Only start-up uses it.
Endpoint parse_endpoint(const std::string& text);
// Whether only programs of this host can reach it: a unix socket, or a loopback address.
[[nodiscard]] bool is_local(const Endpoint& endpoint);
// "192.0.2.7:25", "[2001:db8::1]:25" or a path.
std::string to_text(const Endpoint& endpoint);

// The endpoints of a list parameter. Throws StartupError, naming the parameter, where one is none.
const std::vector<std::string>& endpoints(const config::Values& values, const std::string& parameter);
// The same where the protocol has no protection, so that only programs of this host may speak it.
const std::vector<std::string>& local_endpoints(const config::Values& values, const std::string& parameter);

}  // namespace smtpseal::daemon
