// The one declaration of every parameter of smtpseal.toml.
#include <array>

#include "smtpseal/config/params.hpp"

namespace smtpseal::config {
namespace {

using enum Type;

constexpr std::array kParams{
    Param{"files.domains", text, "/etc/smtpseal/domains", 1, 4096,
          "The domain map: what is required of sessions to a domain."},
    Param{
        "files.credentials", text, "/etc/smtpseal/credentials", 1, 4096,
        "Who this host is at its partners: accounts and secrets. 0640, owned by root, group of the daemons."},
    Param{"files.accounts", text, "/etc/smtpseal/accounts", 1, 4096,
          "Who the partners are here: accounts and secrets. 0640, owned by root, group of the daemons."},

    Param{"log.level", choice, "info", 0, 0, "Least severity that is logged.", "debug|info|warning|error"},
    Param{"log.target", choice, "stderr", 0, 0,
          "Where log lines go: standard error (systemd's journal reads it) or syslog, facility mail.",
          "stderr|syslog"},
    Param{"process.user", text, "smtpseal", 0, 64,
          "User the daemons run as once their sockets are bound. Empty: stay as started."},
    Param{"process.drain_time", seconds, "30s", 0, 600,
          "Longest wait for sessions to end after SIGTERM before they are cut."},

    Param{
        "policyd.listen", list, "[\"unix:/var/spool/postfix/smtpseal/policyd\"]", 1, 16,
        "Where smtpseal-policyd answers socketmap requests: unix:PATH or inet:ADDRESS:PORT, loopback only."},
    Param{"policyd.socket_mode", text, "0660", 3, 4, "Mode of unix sockets made for policyd.listen, octal."},
    Param{"policyd.socket_group", text, "postfix", 0, 64,
          "Group of unix sockets made for policyd.listen. Empty: the daemon's own."},
    Param{"policyd.transport", text, "smtpseal:unix:smtpseal/relay", 1, 1024,
          "What the transport map answers for a listed domain: a transport(5) value that leads to "
          "relay.lmtp_listen."},
    Param{"policyd.transport_seven_bit", text, "smtpseal:unix:smtpseal/relay-7bit", 1, 1024,
          "The same for domains whose next hop does not do 8BITMIME (body=7bit, exchange-5.x profiles): "
          "leads to relay.lmtp_listen_seven_bit."},
    Param{"policyd.mailer", text, "smtpseal", 1, 64,
          "What the mailertable map answers Sendmail for a listed domain: the name of a mailer that leads to "
          "relay.lmtp_listen."},
    Param{"policyd.mailer_seven_bit", text, "smtpseal7", 1, 64,
          "The same for domains whose next hop does not do 8BITMIME: leads to "
          "relay.lmtp_listen_seven_bit."},
    Param{"policyd.policy_listen", list, "[\"unix:/var/spool/postfix/smtpseal/policy\"]", 0, 16,
          "Where smtpseal-policyd answers check_policy_service: unix:PATH or inet:ADDRESS:PORT, loopback "
          "only. Same mode and group as policyd.listen."},
    Param{"policyd.control_listen", list, "[\"unix:/var/spool/postfix/smtpseal/control-policyd\"]", 0, 16,
          "Where `smtpseal reload` and its like ask smtpseal-policyd: unix:PATH. Only root and process.user "
          "get in. Empty: nobody asks."},
    Param{"policyd.metrics_listen", text, "", 0, 4096,
          "Where a Prometheus server reads the figures of smtpseal-policyd by HTTP: inet:ADDRESS:PORT, IPv4 "
          "unless civetweb is built for IPv6. There are no secrets in them, but how much mail goes how; "
          "beyond loopback a packet filter has to say who may ask. Empty: nowhere."},
    Param{"policyd.client_limit", count, "2000", 1, 100000, "Most connections served at once."},
    Param{"policyd.idle_time", seconds, "1h", 1, 86400,
          "A connection without a request for this long is closed."},

    Param{"relay.hostname", text, "", 0, 255,
          "Name in greetings, EHLO and Received. Empty: the system's host name."},
    Param{"relay.socket_mode", text, "0660", 3, 4,
          "Mode of unix sockets made for the LMTP listeners, octal."},
    Param{"relay.socket_group", text, "postfix", 0, 64,
          "Group of unix sockets made for the LMTP listeners. Empty: the daemon's own."},
    Param{"relay.line_limit", bytes, "2048", 1000, 65536, "Longest command or reply line, CRLF included."},
    Param{"relay.auth_line_limit", bytes, "12288", 12288, 65536,
          "Longest base64 line of an AUTH exchange (RFC 4954)."},
    Param{"relay.data_line_limit", bytes, "0", 0, 1048576,
          "Longest line of message content, CRLF included; a longer one makes the message be refused. 0: no "
          "limit."},
    Param{"relay.stray_line_ends", choice, "refuse", 0, 0,
          "What becomes of a CR or LF outside CRLF in message content; neither passes it on as it came.",
          "refuse|normalise"},
    Param{"relay.record_limit", bytes, "65552", 4112, 1048576,
          "Longest sealed record accepted: signature and data."},
    Param{"relay.record_data", bytes, "4096", 64, 65536, "Plaintext octets in one sealed record of ours."},

    Param{"relay.lmtp_listen", list, "[\"unix:/var/spool/postfix/smtpseal/relay\"]", 0, 16,
          "Where Postfix's lmtp(8) hands over mail for listed domains: unix:PATH or inet:ADDRESS:PORT, "
          "loopback only. Empty: no outbound side."},
    Param{"relay.lmtp_listen_seven_bit", list, "[\"unix:/var/spool/postfix/smtpseal/relay-7bit\"]", 0, 16,
          "The same, without 8BITMIME and SMTPUTF8, so that Postfix converts."},
    Param{"relay.lmtp_client_limit", count, "500", 1, 100000, "Most LMTP connections at once."},
    Param{"relay.recipient_limit", count, "1000", 100, 100000, "Most recipients in one transaction."},
    Param{"relay.message_size_limit", bytes, "0", 0, 1099511627776,
          "SIZE announced to Postfix over LMTP. 0: no limit of ours."},
    Param{"relay.smtp_port", count, "25", 1, 65535, "Port of MX hosts. A nexthop= without port means 25."},
    Param{"relay.dns_servers", list, "[]", 0, 16,
          "Name servers as ADDRESS or ADDRESS:PORT ([v6]:PORT). Empty: those of /etc/resolv.conf."},
    Param{"relay.dns_timeout", seconds, "5s", 1, 60, "Longest wait for one answer of one name server."},
    Param{"relay.address_families", choice, "any", 0, 0, "Address families used to reach next hops.",
          "any|ipv4|ipv6"},
    Param{"relay.mx_address_limit", count, "5", 1, 50, "Most addresses tried for one delivery."},
    Param{"relay.connect_timeout", seconds, "30s", 1, 600,
          "Longest wait for a TCP connection to one address."},
    Param{"relay.greeting_timeout", seconds, "5m", 1, 3600,
          "Longest wait for the next hop's 220 (RFC 5321 4.5.3.2.1)."},
    Param{"relay.command_timeout", seconds, "5m", 1, 3600,
          "Longest wait for a reply to EHLO, AUTH, MAIL and RCPT (RFC 5321 4.5.3.2.2, .3)."},
    Param{"relay.tls_handshake_timeout", seconds, "1m", 1, 600,
          "Longest duration of a TLS handshake, with next hops and with clients."},
    Param{"relay.tls_ca_file", text, "", 0, 4096,
          "Authorities (PEM) that certificates of next hops are checked against where a rule with tls=verify "
          "names no ca_file=. Empty: those the system trusts."},
    Param{"relay.data_init_timeout", seconds, "2m", 1, 3600, "Longest wait for 354 (RFC 5321 4.5.3.2.4)."},
    Param{"relay.data_block_timeout", seconds, "3m", 1, 3600,
          "Longest wait for one write of message content (RFC 5321 4.5.3.2.5)."},
    Param{"relay.data_done_timeout", seconds, "10m", 1, 3600,
          "Longest wait for the reply to the final dot (RFC 5321 4.5.3.2.6)."},
    Param{"relay.quit_timeout", seconds, "5s", 1, 300, "Longest wait for the reply to QUIT."},
    Param{"relay.session_reuse_count", count, "100", 1, 10000,
          "Most messages sent over one outbound session."},
    Param{"relay.session_reuse_idle", seconds, "5s", 0, 300,
          "An outbound session without a message for this long is closed. 0: no reuse."},
    Param{
        "relay.hold_time", seconds, "1h", 1, 604800,
        "After a refused login the credential is not tried again for this long, unless its secret changes."},
    Param{"relay.retry_time", seconds, "5m", 1, 604800,
          "After a login without an answer (4xx, a lost connection, a time-out) the account is not tried "
          "again for this long, doubled with each further one up to hold_time: the next hop may have counted "
          "a failed login."},
    Param{"relay.state_directory", text, "/var/lib/smtpseal", 0, 4000,
          "Where the relay keeps which credentials are on hold, so that a restart does not try them again; "
          "made where it is missing. Each relay needs one of its own. Empty: not kept."},
    Param{"relay.control_listen", list, "[\"unix:/var/spool/postfix/smtpseal/control\"]", 0, 16,
          "Where `smtpseal holds`, `smtpseal reload` and their like ask the relay: unix:PATH. Only root and "
          "process.user get in. Empty: nobody asks."},
    Param{"relay.metrics_listen", text, "", 0, 4096,
          "Where a Prometheus server reads the figures of smtpseal-relay by HTTP: inet:ADDRESS:PORT, IPv4 "
          "unless civetweb is built for IPv6. There are no secrets in them, but how much mail goes how; "
          "beyond loopback a packet filter has to say who may ask. Empty: nowhere."},
    Param{"relay.notify_submission", text, "inet:127.0.0.1:25", 0, 4096,
          "Where 'relayed' delivery status notifications are handed in by SMTP, when NOTIFY=SUCCESS was "
          "asked for and the next hop does not do DSN (RFC 3461 5.2.2). Empty: NOTIFY=SUCCESS is not taken "
          "for such next hops."},

    Param{"relay.smtp_listen", list, "[]", 0, 16,
          "Where partners connect: inet:ADDRESS:PORT. Empty: no inbound side."},
    Param{"relay.smtpd", text, "inet:127.0.0.1:10025", 1, 4096,
          "Postfix's smtpd behind the relay: inet:ADDRESS:PORT or unix:PATH. It must accept XCLIENT from "
          "this host."},
    Param{"relay.query_listen", list, "[\"unix:/var/spool/postfix/smtpseal/query\"]", 0, 16,
          "Where the relay answers the milter and the policy daemon (socketmap: what protects a session, "
          "whether a delivery can work): unix:PATH or inet:ADDRESS:PORT, loopback only."},
    Param{"relay.xclient_login", choice, "relaying", 0, 0,
          "Whose account smtpd is told by XCLIENT LOGIN: of accounts with relay=yes only, or of all. smtpd's "
          "permit_sasl_authenticated lets whoever has a LOGIN relay, so \"all\" is only for an smtpd whose "
          "restrictions do without it.",
          "relaying|all"},
    Param{"relay.client_name_lookup", flag, "true", 0, 0,
          "Look the client's name up in DNS, forward and back, for XCLIENT NAME. Without it smtpd sees "
          "\"unknown\"."},
    Param{"relay.session_limit", count, "5000", 1, 1000000,
          "Most inbound SMTP sessions at once; beyond it 421."},
    Param{"relay.session_limit_per_address", count, "50", 1, 1000000,
          "Most inbound SMTP sessions at once from one address (IPv6: one /64)."},
    Param{"relay.server_idle_time", seconds, "5m", 1, 3600,
          "Longest wait for a client's next command (RFC 5321 4.5.3.2.7)."},
    Param{"relay.server_login_time", seconds, "2m", 1, 3600, "Longest duration of one AUTH exchange."},
    Param{"relay.auth_failure_limit", count, "3", 1, 100,
          "Failed or cancelled AUTH exchanges after which a session is closed."},
    Param{"relay.auth_failure_limit_per_address", count, "20", 1, 100000,
          "Failed AUTH exchanges from one address (IPv6: one /64) within auth_failure_time after which AUTH "
          "is answered 421."},
    Param{"relay.auth_failure_time", seconds, "10m", 1, 86400,
          "Time over which failures of one address are counted."},
    Param{"relay.error_limit", count, "20", 1, 1000, "Rejected commands after which a session is closed."},
    Param{"relay.tls_cert_file", text, "", 0, 4096,
          "Certificate chain (PEM, the relay's own first) with which clients are offered STARTTLS; read anew "
          "at "
          "reload. Empty: no STARTTLS."},
    Param{"relay.tls_key_file", text, "", 0, 4096,
          "Private key of the certificate (PEM, without pass phrase), closed to others and readable by "
          "process.user. Empty: it is in tls_cert_file."},
    Param{"relay.tls_min", choice, "1.2", 0, 0, "Lowest TLS version that clients may use. Under 1.2 is weak.",
          "1.0|1.1|1.2|1.3"},
    Param{"relay.auth_only_with_tls", flag, "false", 0, 0,
          "Offer and take logins inside TLS only. Exchange 5.x then cannot log in."},
    Param{"relay.channel_bindings", choice, "accept", 0, 0,
          "Logins inside TLS: accept checks the channel bindings of clients that send some; require refuses "
          "those without (Extended Protection), and with them NTLMv1.",
          "accept|require"},
    Param{"relay.netbios_domain", text, "", 0, 15,
          "NetBIOS domain name in the NTLM challenge. Empty: made of the host name."},
    Param{"relay.smtpd_timeout", seconds, "5m", 1, 3600,
          "Longest wait for a reply of smtpd, but to the end of data."},
    Param{"relay.smtpd_data_done_timeout", seconds, "10m", 1, 3600,
          "Longest wait for smtpd's reply to the end of data (RFC 5321 4.5.3.2.6); above "
          "milter_content_timeout of Postfix."},

    Param{"inbound.relay_query", text, "unix:/var/spool/postfix/smtpseal/query", 0, 4096,
          "Where smtpseal-milter and smtpseal-policyd ask the relay, one of relay.query_listen. Empty: no "
          "relay stands before the mail server."},
    Param{"inbound.relay_timeout", seconds, "5s", 1, 60,
          "Longest wait for an answer of the relay; after it the session's protection is unknown."},
    Param{
        "inbound.network_rules", list, "[]", 0, 1000,
        "What client networks must use, for the relay and the policy daemon: \"CIDR any\", \"CIDR auth\" or "
        "\"CIDR seal\"; the longest prefix wins; default any."},
    Param{"inbound.exempt_networks", list, "[\"127.0.0.0/8\", \"::1/128\"]", 0, 1000,
          "Clients that the milter and the policy daemon do not judge, since they are this host: CIDR. A "
          "session that came through the relay is judged all the same."},

    Param{"milter.listen", text, "unix:/var/spool/postfix/smtpseal/milter", 1, 4096,
          "Where smtpseal-milter serves the mail server: unix:PATH or inet:ADDRESS:PORT, loopback only."},
    Param{"milter.socket_mode", text, "0660", 3, 4, "Mode of a unix socket made for milter.listen, octal."},
    Param{"milter.socket_group", text, "postfix", 0, 64,
          "Group of a unix socket made for milter.listen. Empty: the daemon's own."},
    Param{"milter.control_listen", list, "[\"unix:/var/spool/postfix/smtpseal/control-milter\"]", 0, 16,
          "Where `smtpseal reload` and its like ask smtpseal-milter: unix:PATH. Only root and process.user "
          "get in. Empty: nobody asks."},
    Param{"milter.metrics_listen", text, "", 0, 4096,
          "Where a Prometheus server reads the figures of smtpseal-milter by HTTP: inet:ADDRESS:PORT, IPv4 "
          "unless civetweb is built for IPv6. There are no secrets in them, but how much mail goes how; "
          "beyond loopback a packet filter has to say who may ask. Empty: nowhere."},
    Param{"milter.authserv_id", text, "", 0, 255,
          "This host's name in Authentication-Results (RFC 8601) and in by= of X-SmtpSeal-Status. Fields "
          "that arrive under this name are removed. Empty: the system's host name."},
    Param{"milter.show_account", flag, "true", 0, 0,
          "Name the account in the status headers. What is left out can still be found in the log."},
    Param{"milter.client_limit", count, "1000", 1, 100000,
          "Most connections served at once; one more is answered with a temporary failure."},
    Param{"milter.timeout", seconds, "2h", 60, 86400,
          "Longest wait for the mail server's next milter command; libmilter looks every ten minutes."},

    Param{"sasl.client_profile", choice, "modern", 0, 0,
          "How SASL programs of this host log on by NTLM: modern is NTLMv2 only; exchange-5.5 is NTLMv1 with "
          "a half-duplex seal, and weak. For every program and partner alike, since libsasl2 passes neither.",
          "modern|exchange-5.5"},
    Param{"sasl.client_strength", choice, "128", 0, 0,
          "Least strength in bits of a layer that SASL programs of this host use as clients. Under 128 is "
          "weak.",
          "40|56|128"},
    Param{"sasl.client_layer", choice, "auto", 0, 0,
          "Whether a login without a layer that encrypts is refused: auto, unless the program takes no layer "
          "(Postfix) or TLS of client_strength is there already; require, always; never, no layer is asked "
          "for.",
          "auto|require|never"},
    Param{"sasl.client_framing", choice, "be-leading", 0, 0,
          "Length order and place of the signature in the records of a client's layer.",
          "be-leading|be-trailing|le-leading|le-trailing"},
    Param{"sasl.ssf_limit", count, "128", 1, 128,
          "Most bits of security that a layer is reported to have to the program (Sendmail's ENCR:n). A "
          "layer with a 128-bit key reports 128, as the RC4 of DIGEST-MD5 does; lower it where RC4 is "
          "trusted less than its key is long."},
    Param{"sasl.netbios_domain", text, "", 0, 15,
          "NetBIOS domain name in the plugin's NTLM challenge. Empty: made of the host name."},
};

}  // namespace

std::span<const Param> all_params() {
  return kParams;
}

}  // namespace smtpseal::config
