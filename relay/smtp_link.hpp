// One connection on which we are the SMTP client: commands out, validated replies in. A malformed reply ends
// it, since skipping one would attach later replies to the wrong command and lose mail.
#pragma once

#include <string>
#include <string_view>

#include "smtpseal/daemon/stream.hpp"
#include "smtpseal/secret.hpp"
#include "smtpseal/smtp/line_reader.hpp"
#include "smtpseal/smtp/reply.hpp"

namespace smtpseal::relay {

class SmtpLink {
 public:
  // `line_limit`: longest accepted reply line in octets.
  SmtpLink(daemon::Stream stream, std::size_t line_limit) : stream_(std::move(stream)), lines_(line_limit) {}

  daemon::Task<Result<>> send(std::string_view octets, daemon::Seconds timeout) {
    return stream_.write(octets, timeout);
  }
  // Reads one whole reply; `timeout` covers all of it.
  daemon::Task<Result<smtp::Reply>> reply(daemon::Seconds timeout);
  // Sends `line` with CRLF, then reads the reply.
  daemon::Task<Result<smtp::Reply>> command(std::string line, daemon::Seconds timeout);

  // The same for a line that shows a secret: no copy is left behind here, and a reply that repeats it does
  // not.
  daemon::Task<Result<smtp::Reply>> command(SecretText line, daemon::Seconds timeout);

  // True where octets behind the last reply have been read already: they were sent with it.
  [[nodiscard]] bool holds_input() const { return !input_.empty(); }
  // True where octets wait behind the last reply: nobody may have spoken unasked, above all not before a
  // layer switch.
  [[nodiscard]] bool has_unread_input() { return !input_.empty() || stream_.has_pending_input(); }
  [[nodiscard]] daemon::Stream& stream() { return stream_; }
  [[nodiscard]] const daemon::Stream& stream() const { return stream_; }

 private:
  daemon::Task<Result<smtp::Reply>> exchange(std::string& line, daemon::Seconds timeout);

  daemon::Stream stream_;
  smtp::LineReader lines_;
  std::string input_;  // octets read and not yet used
};

}  // namespace smtpseal::relay
