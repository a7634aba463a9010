// Serves one socketmap client (Postfix, postmap -q, another daemon of ours) until it goes or misbehaves.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "smtpseal/daemon/async.hpp"
#include "smtpseal/daemon/stream.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace smtpseal::daemon {

// The answer to one request. Must not suspend: answers come from memory.
using SocketmapAnswer = std::function<postfix::SocketmapReply(const postfix::SocketmapRequest&)>;

// Cuts what a client sends into requests.
class SocketmapRequestReader {
 public:
  // Takes from `data` what belongs to one request; nothing while it is not whole. Errors, which are final and
  // logged: postfix::errc.
  [[nodiscard]] Result<std::optional<postfix::SocketmapRequest>> next(std::string_view& data);

 private:
  postfix::NetstringReader netstrings_;
};

// Answers requests in order, several of one read in one write. Ends when the client closes, says nothing for
// `idle`, takes no answer for 30 s, or sends what is no request (logged). `answer` must outlive it.
Task<> serve_socketmap(Stream stream, Seconds idle, const SocketmapAnswer& answer);

}  // namespace smtpseal::daemon
