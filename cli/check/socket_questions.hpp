// A short conversation over a socket, to tell whether a daemon is there and answers with sense. Blocking,
// with a time limit; each returns what is wrong, or an empty text.
#pragma once

#include <string>

#include "smtpseal/daemon/endpoint.hpp"

namespace smtpseal::cli {

// "unix:PATH", which may be relative to the current directory, or "inet:ADDRESS:PORT"; "localhost" is
// 127.0.0.1. Throws Failure where it is none.
daemon::Endpoint postfix_endpoint(const std::string& text);

std::string cannot_connect(const daemon::Endpoint& endpoint);
// The socketmap `map` has to answer OK.
std::string cannot_look_up(const daemon::Endpoint& endpoint, const std::string& map, const std::string& key);
// check_policy_service has to get an action.
std::string cannot_ask_policy(const daemon::Endpoint& endpoint);
// An LMTP or SMTP server has to greet.
std::string cannot_greet(const daemon::Endpoint& endpoint);

}  // namespace smtpseal::cli
