#include "message_header.hpp"

#include <algorithm>

namespace smtpseal::cli {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// RFC 5322 3.6.8: printable ASCII but the colon; blanks before the colon are obsolete, and still met.
bool is_field_name(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

class Reader {
 public:
  explicit Reader(std::istream& input) : input_(input) {}

  MessageHeader read() {
    std::string line;
    while (next(line) && !line.empty()) take(line);
    return std::move(header_);
  }

 private:
  // Without CR LF. False: there are no more, or there is no more room.
  bool next(std::string& line) {
    line.clear();
    for (char c = 0; input_.get(c);) {
      if (++octets_ > kMaxHeader) {
        complain("the header is longer than " + std::to_string(kMaxHeader) +
                 " octets; the rest was not read");
        return false;
      }
      if (c == '\n') {
        if (line.ends_with('\r')) line.pop_back();
        ++number_;
        return true;
      }
      line += c;
    }
    ++number_;
    return !line.empty();
  }

  void take(const std::string& line) {
    if (is_blank(line.front())) return go_on(line);
    if (number_ == 1 && line.starts_with("From ")) return;
    const auto colon = line.find(':');
    auto name = line.substr(0, std::min(colon, line.size()));
    name.erase(name.find_last_not_of(" \t") + 1);
    is_in_field_ = colon != std::string::npos && is_field_name(name);
    if (!is_in_field_) return complain("line " + std::to_string(number_) + " is no header field");
    if (line.find('\r') != std::string::npos)
      complain("line " + std::to_string(number_) +
               " has a CR without LF, which readers take for different things");
    header_.fields.push_back({name, line.substr(colon + 1), number_});
  }

  void go_on(const std::string& line) {
    if (!is_in_field_)
      return complain("line " + std::to_string(number_) + " goes on with a field that does not begin");
    header_.fields.back().value += line;
  }

  void complain(std::string text) { header_.malformed.push_back(std::move(text)); }

  std::istream& input_;
  MessageHeader header_;
  std::size_t octets_ = 0;
  unsigned number_ = 0;
  bool is_in_field_ = false;
};

}  // namespace

MessageHeader read_header(std::istream& input) {
  return Reader(input).read();
}

}  // namespace smtpseal::cli
