#include "smtpseal/postfix/socketmap.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace smtpseal::postfix {

namespace {

// What an idle reader may keep: ordinary requests and replies are far shorter.
constexpr std::size_t kKeptCapacity = 1024;

class Category final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "socketmap"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::bad_netstring:
        return "malformed netstring";
      case errc::request_too_long:
        return "netstring too long";
      case errc::bad_request:
        return "socketmap request without map name and key";
      case errc::bad_reply:
        return "socketmap reply without a known status";
    }
    return "unknown socketmap error";
  }
};

std::string_view word(SocketmapStatus status) {
  switch (status) {
    case SocketmapStatus::ok:
      return "OK ";
    case SocketmapStatus::notfound:
      return "NOTFOUND ";
    case SocketmapStatus::temp:
      return "TEMP ";
    case SocketmapStatus::perm:
      return "PERM ";
  }
  return "TEMP ";
}

// The asking side's words; to it a time-out of the map is a temporary failure like any other.
constexpr std::array<std::pair<std::string_view, SocketmapStatus>, 5> kWords{{
    {"OK", SocketmapStatus::ok},
    {"NOTFOUND", SocketmapStatus::notfound},
    {"TEMP", SocketmapStatus::temp},
    {"TIMEOUT", SocketmapStatus::temp},
    {"PERM", SocketmapStatus::perm},
}};

// A reason ends up in a log line of the asking side, so it must stay one line.
std::string printable(std::string_view reason) {
  std::string text(reason.substr(0, kMaxReason));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
      '?');
  return text;
}

}  // namespace

const boost::system::error_category& category() {
  static const Category instance;
  return instance;
}

Result<std::optional<std::string_view>> NetstringReader::feed(std::string_view data, std::size_t& consumed) {
  consumed = 0;
  if (state_ == State::failed) return make_error_code(errc::bad_netstring);
  if (state_ == State::done) start();
  while (consumed < data.size()) {
    if (state_ == State::body) {
      consumed += take_body(data.substr(consumed));
    } else if (const auto problem = take(data[consumed++])) {
      state_ = State::failed;
      return make_error_code(*problem);
    }
    if (state_ == State::done) return std::string_view(body_);
  }
  return std::optional<std::string_view>();
}

std::optional<errc> NetstringReader::take(char octet) {
  if (state_ == State::length) return take_length(octet);
  if (octet != ',') return errc::bad_netstring;
  state_ = State::done;
  return std::nullopt;
}

std::optional<errc> NetstringReader::take_length(char octet) {
  if (octet == ':' && digits_ > 0) {
    state_ = length_ > 0 ? State::body : State::comma;
    return std::nullopt;
  }
  if (octet < '0' || octet > '9') return errc::bad_netstring;
  if (digits_ == 1 && length_ == 0) return errc::bad_netstring;  // a leading zero
  ++digits_;
  length_ = length_ * 10 + static_cast<std::size_t>(octet - '0');
  // Checked at each digit: the number cannot overflow, and nothing is allocated for a length that is only
  // claimed.
  return length_ > limit_ ? std::optional(errc::request_too_long) : std::nullopt;
}

std::size_t NetstringReader::take_body(std::string_view data) {
  const std::string_view taken = data.substr(0, length_ - body_.size());
  body_.append(taken);
  if (body_.size() == length_) state_ = State::comma;
  return taken.size();
}

void NetstringReader::start() {
  state_ = State::length;
  digits_ = 0;
  length_ = 0;
  if (body_.capacity() > kKeptCapacity) {
    std::string().swap(body_);
  } else {
    body_.clear();
  }
}

std::string to_netstring(std::string_view text) {
  std::string netstring = std::to_string(text.size());
  netstring.reserve(netstring.size() + text.size() + 2);
  return netstring.append(":").append(text).append(",");
}

Result<SocketmapRequest> parse_socketmap_request(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == 0 || space == std::string_view::npos) return make_error_code(errc::bad_request);
  return SocketmapRequest{std::string(text.substr(0, space)), std::string(text.substr(space + 1))};
}

Result<SocketmapReply> parse_socketmap_reply(std::string_view text) {
  const std::string_view status = text.substr(0, text.find(' '));
  const auto* const known =
      std::find_if(kWords.begin(), kWords.end(), [&](const auto& entry) { return entry.first == status; });
  if (known == kWords.end()) return make_error_code(errc::bad_reply);
  return SocketmapReply{known->second, std::string(text.substr(std::min(status.size() + 1, text.size())))};
}

std::string format_socketmap_request(const SocketmapRequest& request) {
  return to_netstring(request.map + " " + request.key);
}

std::string format_socketmap_reply(const SocketmapReply& reply) {
  std::string text(word(reply.status));
  if (reply.status != SocketmapStatus::ok) return to_netstring(text.append(printable(reply.text)));
  if (text.size() + reply.text.size() > kMaxSocketmap) {
    return format_socketmap_reply({SocketmapStatus::temp, "value too long for a socketmap reply"});
  }
  return to_netstring(text.append(reply.text));
}

}  // namespace smtpseal::postfix
