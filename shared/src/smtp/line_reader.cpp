#include "smtpseal/smtp/line_reader.hpp"

#include <algorithm>

#include "smtpseal/secret.hpp"

namespace smtpseal::smtp {

namespace {

// What an idle reader may keep. Sessions are idle most of the time, lines of an AUTH exchange are rare.
constexpr std::size_t kKeptCapacity = 1024;

}  // namespace

Result<std::optional<std::string_view>> LineReader::feed(std::string_view data, std::size_t& consumed) {
  consumed = 0;
  if (failed_) return *failed_;
  if (complete_) start_line();
  while (consumed < data.size()) {
    const char octet = data[consumed++];
    if (const auto problem = check(octet)) {
      failed_ = make_error_code(*problem);
      return *failed_;
    }
    append(octet);
    if (octet == '\n') {
      complete_ = true;
      return std::string_view(line_).substr(0, line_.size() - 2);
    }
  }
  return std::optional<std::string_view>();
}

std::optional<errc> LineReader::check(char octet) const {
  const bool after_cr = !line_.empty() && line_.back() == '\r';
  if (after_cr != (octet == '\n')) return errc::stray_line_end;
  if (octet == '\0') return errc::nul_octet;
  // Any octet but LF has at least the LF still to come.
  if (line_.size() + (octet == '\n' ? 1 : 2) > limit_) return errc::line_too_long;
  return std::nullopt;
}

void LineReader::append(char octet) {
  if (line_.size() == line_.capacity()) {
    // Grown here, because a reallocation inside std::string would leave a copy of a secret in freed memory.
    std::string grown;
    grown.reserve(std::max<std::size_t>(2 * line_.capacity(), 128));
    grown.assign(line_);
    wipe(line_.data(), line_.size());
    line_.swap(grown);
  }
  line_.push_back(octet);
}

void LineReader::start_line() {
  complete_ = false;
  if (line_.capacity() > kKeptCapacity) {
    forget();
  } else {
    line_.clear();
  }
}

void LineReader::forget() {
  wipe(line_.data(), line_.size());
  complete_ = false;
  std::string().swap(line_);
}

}  // namespace smtpseal::smtp
