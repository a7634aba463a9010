// Questions and commands to the running daemons, over their control sockets.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "context.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace smtpseal::cli {

// The section of their parameters; their program is "smtpseal-" and this.
inline constexpr std::array kDaemons{"relay", "policyd", "milter"};

// How long an answer may take unless said otherwise.
inline constexpr std::chrono::seconds kAnswerTime{10};

// What a daemon answers; nothing where it does not run. Throws Failure where it cannot be asked, because its
// SECTION.control_listen is empty or it does not let us in. The text of a refusal is printable; any other is
// the caller's to examine, since a daemon that was taken over says what it likes.
std::optional<postfix::SocketmapReply> ask_daemon(Context& context, const std::string& daemon,
                                                  const std::string& map, const std::string& key = "*",
                                                  std::chrono::seconds time = kAnswerTime);

// The same, of the relay; a refusal to answer is a Failure too.
std::optional<postfix::SocketmapReply> ask_relay(Context& context, const std::string& map,
                                                 const std::string& key = "*",
                                                 std::chrono::seconds time = kAnswerTime);

// What an answer of the relay says. Throws Failure where `parsed` is empty.
template <class Value>
Value understood(std::optional<Value> parsed) {
  if (!parsed) throw Failure("smtpseal-relay gives an answer that smtpseal does not understand");
  return std::move(*parsed);
}

// "smtpseal-relay does not run (nothing answers at unix:/...)".
std::string not_running(Context& context, const std::string& daemon);

}  // namespace smtpseal::cli
