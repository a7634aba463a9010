// The relay's connection to Postfix's smtpd for one client: opened at the client's first MAIL, when its
// identity is settled, with exactly one XCLIENT that carries all of it (XCLIENT_README).
//
// Why not at AUTH already: an idle client then holds no smtpd process, and a client that says EHLO or AUTH
// again needs a new smtpd session anyway, since a second XCLIENT is refused once the address has changed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "inbound/context.hpp"
#include "smtp_link.hpp"

namespace smtpseal::relay {

// The client as smtpd is to see it.
struct ClientIdentity {
  TcpEndpoint client;
  TcpEndpoint server;  // our own end of the connection: DESTADDR and DESTPORT
  std::string name;    // verified host name; empty: unknown
  std::string helo;
  bool esmtp = true;
  std::string login;  // authenticated account; empty without
};

// The XCLIENT line without CRLF. Values are xtext, so nothing of the client's can add an attribute or a line.
// Pure.
std::string format_xclient(const ClientIdentity& client);

class Backend {
 public:
  struct Opened {
    std::unique_ptr<Backend> backend;  // null with a refusal
    std::optional<smtp::Reply>
        refusal;  // what the client is told; its session must end, except where it is 451
  };
  static daemon::Task<Opened> open(InboundContext& context, ClientIdentity client, std::string log_id);

  Backend(InboundContext& context, daemon::Stream stream);

  daemon::Task<Result<smtp::Reply>> command(std::string line, daemon::Seconds timeout) {
    return link_.command(std::move(line), timeout);
  }
  daemon::Task<Result<smtp::Reply>> reply(daemon::Seconds timeout) { return link_.reply(timeout); }
  daemon::Task<Result<>> send(std::string_view octets) {
    return link_.send(octets, context_.settings.smtpd_timeout);
  }
  // False where smtpd has closed the connection or spoken unasked.
  [[nodiscard]] bool is_usable() { return !link_.has_unread_input(); }
  // What this smtpd said to EHLO in this session.
  [[nodiscard]] const smtp::Ehlo& offers() const { return offers_; }
  // QUIT, in the background.
  static void end(std::unique_ptr<Backend> backend);

 private:
  daemon::Task<std::optional<smtp::Reply>> introduce(const ClientIdentity& client, const std::string& log_id);

  InboundContext& context_;
  SmtpLink link_;
  smtp::Ehlo offers_;
};

}  // namespace smtpseal::relay
