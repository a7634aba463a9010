#include "smtpseal/smtp/data_scanner.hpp"

#include <cstring>

namespace smtpseal::smtp {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

// Finds the CRs and LFs of one chunk in order. The position of the next CR is kept, so that no octet is
// looked at more than twice whatever the mixture of CR and LF is: a chunk of LFs only must not cost a search
// to its end for each.
class LineEndFinder {
 public:
  explicit LineEndFinder(std::string_view data) : data_(data), cr_(find('\r', 0, data.size())) {}

  // The position of the first CR or LF at or after `from`, or the size of the chunk.
  // REQUIRES: `from` never decreases.
  std::size_t next(std::size_t from) {
    if (cr_ < from) cr_ = find('\r', from, data_.size());
    return find('\n', from, cr_);
  }

 private:
  [[nodiscard]] std::size_t find(char octet, std::size_t from, std::size_t to) const {
    if (from >= to) return to;
    const void* found = std::memchr(data_.data() + from, octet, to - from);
    return found == nullptr ? to : static_cast<std::size_t>(static_cast<const char*>(found) - data_.data());
  }

  std::string_view data_;
  std::size_t cr_;
};

}  // namespace

std::size_t DataScanner::feed(std::string_view data, std::string& out) {
  LineEndFinder line_ends(data);
  std::size_t position = 0;
  while (position < data.size() && state_ != State::complete) {
    const std::size_t start = position;
    // Plain lines go on as they are, in one piece; octets that need a decision are taken one by one.
    while (position < data.size() && is_plain_start(data[position])) {
      const std::size_t end = line_ends.next(position);
      add_to_line(end - position);
      position = end;
      if (data.substr(end, kLineEnd.size()) != kLineEnd) break;
      position += kLineEnd.size();
      start_line(State::line_start);
    }
    pass(data.substr(start, position - start), out);
    if (position < data.size()) take(data[position++], out);
  }
  return position;
}

bool DataScanner::is_plain_start(char octet) const {
  switch (state_) {
    case State::in_line:
      return true;
    case State::line_start:
    case State::stray_start:
      return octet != '.';
    case State::after_cr:
    case State::dot:
    case State::dot_cr:
    case State::complete:
      return false;
  }
  return false;
}

void DataScanner::take(char octet, std::string& out) {
  if (octet == '\n') return take_lf(out);
  if (state_ == State::after_cr || state_ == State::dot_cr) end_stray_line(out);
  if (octet == '\r') {
    state_ = state_ == State::dot ? State::dot_cr : State::after_cr;
  } else if (octet == '.' && state_ == State::line_start) {
    state_ = State::dot;
  } else {
    // A dot that follows a stray line end was content, and the line it is now on must not become the end of
    // data; a dot held back turned out to be a stuffed one. Either way the next hop removes one dot.
    if (state_ == State::dot || (octet == '.' && state_ == State::stray_start)) pass_stuffing(out);
    add_to_line(1);
    pass({&octet, 1}, out);
  }
}

void DataScanner::take_lf(std::string& out) {
  if (state_ == State::dot_cr) {
    state_ = State::complete;
  } else if (state_ == State::after_cr) {
    pass(kLineEnd, out);
    start_line(State::line_start);
  } else {
    end_stray_line(out);
  }
}

void DataScanner::end_stray_line(std::string& out) {
  if (mode_ == StrayLineEnds::refuse) set_bad("CR or LF outside CRLF");
  if (state_ == State::dot || state_ == State::dot_cr) {
    pass_stuffing(out);
    pass(".", out);
  }
  pass(kLineEnd, out);
  start_line(State::stray_start);
}

void DataScanner::start_line(State state) {
  state_ = state;
  line_length_ = 0;
}

void DataScanner::add_to_line(std::size_t count) {
  if (count == 0) return;
  state_ = State::in_line;
  line_length_ += count;
  if (max_line_ != 0 && line_length_ + kLineEnd.size() > max_line_) set_bad("line too long");
}

void DataScanner::pass(std::string_view text, std::string& out) {
  octets_ += text.size();
  if (!is_bad()) out.append(text);
}

void DataScanner::pass_stuffing(std::string& out) {
  line_length_ += 1;
  if (!is_bad()) out.push_back('.');
}

void DataScanner::set_bad(const char* problem) {
  if (!is_bad()) bad_ = problem;
}

}  // namespace smtpseal::smtp
