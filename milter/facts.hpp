// What protects a session, from the first that knows: the relay, the mail server. Without libmilter and
// sockets: the question to the relay is a function.
#pragma once

#include <functional>
#include <string>

#include "smtpseal/postfix/socketmap.hpp"
#include "smtpseal/session/mta_view.hpp"
#include "smtpseal/session/session_security.hpp"

namespace smtpseal::milter {

// The two ends of an SMTP connection, as the mail server tells a milter.
struct Peer {
  std::string name;            // of the client, as the mail server looked it up; empty: it has none
  std::string address;         // of the client; empty: not known, or no IP at all
  std::string port;            // of the client; "0": not known
  std::string server_address;  // the one the client connected to; empty: not told
  std::string server_port;

  // Mail that came without SMTP: Postfix says 127.0.0.1 with port 0 (sendmail(1), non_smtpd_milters),
  // Sendmail "localhost" without an address. A client out there is neither, whatever its name resolves to.
  [[nodiscard]] bool is_local_submission() const;
};

// Looks a status::session_key() up in the relay's map `session`. Empty where no relay stands before the mail
// server.
using AskRelay = std::function<Result<postfix::SocketmapReply>(const std::string& key)>;

struct Facts {
  // nobody: the relay could tell and cannot be asked; `security` is unknown then.
  enum class Source { mail_server, relay, nobody };
  Source source = Source::mail_server;
  session::SessionSecurity security;
};

// A session that the relay does not know did not come through it; then counts what the mail server says.
[[nodiscard]] Facts find_facts(const AskRelay& ask, const Peer& peer, const session::MtaView& view);

// The same at the end of a message that began with `before`. What the relay knew, or could not be asked
// about, is not the mail server's to tell later: a relay that has forgotten the session makes it unknown.
[[nodiscard]] Facts find_facts_again(const Facts& before, const AskRelay& ask, const Peer& peer,
                                     const session::MtaView& view);

}  // namespace smtpseal::milter
