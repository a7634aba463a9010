#include "outbound/relayed_notice.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <vector>

#include "outbound/received.hpp"
#include "smtp_link.hpp"
#include "smtpseal/daemon/connect.hpp"
#include "smtpseal/log/log.hpp"

namespace smtpseal::relay {

using daemon::Seconds;
using daemon::Task;

namespace {

constexpr Seconds kStepTimeout{60};
constexpr int kAttempts = 3;

// Addresses come from an SMTP envelope, so they hold no CR or LF; anything else that is not printable is
// masked.
std::string header_text(const std::string& text) {
  std::string safe;
  for (const char c : text) safe += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return safe;
}

std::string original_recipient(const RelayedNotice& notice) {
  const auto* orcpt = notice.recipient.find("ORCPT");
  if (orcpt == nullptr) return {};
  const auto semicolon = orcpt->value.find(';');
  const auto decoded = smtp::from_xtext(std::string_view(orcpt->value).substr(semicolon + 1));
  if (semicolon == std::string::npos || !decoded) return {};
  return "Original-Recipient: " + header_text(orcpt->value.substr(0, semicolon)) + "; " +
         header_text(*decoded) + "\r\n";
}

std::string original_envelope_id(const RelayedNotice& notice) {
  const auto* envid = notice.mail.find("ENVID");
  const auto decoded = envid != nullptr ? smtp::from_xtext(envid->value) : Result<std::string>(std::string());
  return decoded && !decoded->empty() ? "Original-Envelope-Id: " + header_text(*decoded) + "\r\n"
                                      : std::string();
}

// MAIL, RCPT, DATA, content; the reply that ended it, or the error of the connection.
Task<Result<smtp::Reply>> submit_once(OutboundContext& context, const std::string& sender,
                                      const std::string& content) {
  auto stream = co_await daemon::connect_within(daemon::parse_endpoint(context.settings.notify_submission),
                                                kStepTimeout);
  if (!stream) co_return stream.error();
  SmtpLink link(std::move(*stream), context.settings.line_limit);
  auto reply = co_await link.reply(kStepTimeout);
  const std::vector<std::string> opening{"EHLO " + context.settings.hostname, "MAIL FROM:<>",
                                         "RCPT TO:<" + sender + ">"};
  for (const auto& line : opening) {
    if (!reply || !reply->is_positive()) co_return reply;
    reply = co_await link.command(line, kStepTimeout);
  }
  if (!reply || !reply->is_positive()) co_return reply;
  reply = co_await link.command("DATA", kStepTimeout);
  if (!reply || reply->code != 354) co_return reply;
  const std::string whole = content + ".\r\n";
  if (const auto sent = co_await link.send(whole, kStepTimeout); !sent) co_return sent.error();
  reply = co_await link.reply(kStepTimeout);
  co_await link.command("QUIT", kStepTimeout);
  co_return reply;
}

Task<> submit(OutboundContext& context, RelayedNotice notice) {
  const std::string content = format_relayed_notice(notice, context.settings.hostname, std::time(nullptr));
  std::string problem;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0) co_await daemon::sleep_for(Seconds(10 * attempt));
    const auto reply = co_await submit_once(context, notice.mail.path, content);
    if (reply && reply->is_positive()) {
      log::info("relayed-notice-sent").field("id", notice.log_id).field("to", notice.mail.path);
      co_return;
    }
    problem = reply ? reply->one_line() : reply.error().message();
    if (reply && reply->is_permanent()) break;
  }
  log::error("relayed-notice-lost")
      .field("id", notice.log_id)
      .field("to", notice.mail.path)
      .field("reason", problem)
      .field("parameter", "relay.notify_submission");
}

}  // namespace

std::string format_relayed_notice(const RelayedNotice& notice, const std::string& hostname, std::time_t now) {
  const std::string boundary = notice.log_id + "." + std::to_string(now) + "/" + hostname;
  const std::string recipient = header_text(notice.recipient.path);
  const std::string part = "\r\n--" + boundary + "\r\n";
  return "Date: " + rfc5322_date(now) +
         "\r\n"
         "From: Mail Delivery System <MAILER-DAEMON@" +
         hostname +
         ">\r\n"
         "To: <" +
         header_text(notice.mail.path) +
         ">\r\n"
         "Subject: Successful Mail Delivery Report (relayed)\r\n"
         "Message-Id: <" +
         notice.log_id + "." + std::to_string(now) + "@" + hostname +
         ">\r\n"
         "Auto-Submitted: auto-replied\r\n"
         "MIME-Version: 1.0\r\n"
         "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"" +
         boundary + "\"\r\n" + part +
         "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
         "Your message to <" +
         recipient + "> was handed to " + notice.peer +
         ",\r\n"
         "which sends no delivery reports. You will get no further notice unless it fails there.\r\n" +
         part +
         "Content-Type: message/delivery-status\r\n\r\n"
         "Reporting-MTA: dns; " +
         hostname + "\r\n" + original_envelope_id(notice) + "\r\n" + original_recipient(notice) +
         "Final-Recipient: rfc822; " + recipient +
         "\r\n"
         "Action: relayed\r\n"
         "Status: 2.0.0\r\n"
         "Remote-MTA: dns; " +
         notice.peer.substr(0, notice.peer.find('[')) +
         "\r\n"
         "\r\n--" +
         boundary + "--\r\n";
}

void submit_relayed_notice(OutboundContext& context, RelayedNotice notice) {
  if (notice.mail.path.empty()) return;
  daemon::asio::co_spawn(context.io, submit(context, std::move(notice)), daemon::asio::detached);
}

}  // namespace smtpseal::relay
