// One connection on which we are the SMTP or LMTP server: command lines in, replies out. Replies are
// collected and written when the client has nothing more in flight, so that a pipelining client costs one
// write.
#pragma once

#include <string>
#include <string_view>

#include "smtpseal/daemon/stream.hpp"
#include "smtpseal/smtp/line_reader.hpp"
#include "smtpseal/smtp/reply.hpp"

namespace smtpseal::relay {

class CommandLink {
 public:
  CommandLink(daemon::Stream stream, std::size_t line_limit)
      : stream_(std::move(stream)), lines_(line_limit) {}

  // The next line without CRLF, valid until the next call. Writes collected replies before it waits.
  // Errors: those of LineReader and of Stream; final.
  daemon::Task<Result<std::string_view>> next_line(daemon::Seconds timeout);

  // More octets of the stream, for message content: appends to what unread() shows.
  daemon::Task<Result<>> read_more(daemon::Seconds timeout);
  [[nodiscard]] std::string_view unread() const { return std::string_view(input_).substr(used_); }
  void consume(std::size_t count);

  void reply(const smtp::Reply& reply) { output_ += smtp::format(reply); }
  daemon::Task<Result<>> flush();

  void set_line_limit(std::size_t limit) { lines_.set_limit(limit); }
  // REQUIRES: flushed, nothing unread.
  void install(session::SecurityLayer layer) { stream_.install(std::move(layer)); }
  [[nodiscard]] daemon::Stream& stream() { return stream_; }
  [[nodiscard]] const daemon::Stream& stream() const { return stream_; }

 private:
  daemon::Stream stream_;
  smtp::LineReader lines_;
  std::string input_;
  std::size_t used_ = 0;
  std::string output_;
};

}  // namespace smtpseal::relay
