#include "dialogue.hpp"

#include <algorithm>
#include <array>
#include <boost/algorithm/string/predicate.hpp>
#include <charconv>
#include <utility>

#include "smtpseal/ntlm/recover.hpp"
#include "smtpseal/smtp/command.hpp"

namespace smtpseal::analyze {

namespace {

using smtp::Verb;

constexpr int kSyntaxError = 501;
constexpr int kContinue = 334;
constexpr int kAccepted = 235;
constexpr std::size_t kMessageTypeEnd = 12;

// Of an NTLMSSP message in base64; 0 where the text is none.
struct Token {
  unsigned type = 0;
  Bytes message;
};

Token read_token(std::string_view text) {
  const auto octets = smtp::from_base64(text);
  if (!octets || octets->size() < kMessageTypeEnd || !octets->starts_with(std::string_view("NTLMSSP\0", 8)))
    return {};
  const ByteSpan message = as_bytes(*octets);
  return {load_u32le(message.data() + 8), Bytes(message.begin(), message.end())};
}

// What is shown of a line in place of the message in it: recorded responses let passwords be guessed.
std::string placeholder(const Token& token) {
  constexpr std::array kNames{"", "NEGOTIATE", "CHALLENGE", "AUTHENTICATE"};
  const auto* name = token.type < kNames.size() ? kNames[token.type] : "unknown";
  return "<" + std::string(name) + " message, " + std::to_string(token.message.size()) + " octets>";
}

int reply_code(std::string_view line) {
  int code = 0;
  const auto digits = line.substr(0, 3);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code);
  return error == std::errc() && end == line.data() + 3 ? code : 0;
}

// The last line of a reply, rather than one that others follow.
bool is_last(std::string_view line) {
  return line.size() < 4 || line[3] != '-';
}

bool agrees_on_seal(const Login& login) {
  const auto claim = ntlm::read_claim({login.negotiate, login.challenge, login.authenticate});
  return claim && (claim->flags & ntlm::kSeal) != 0;
}

class Reader {
 public:
  Dialogue read(const Conversation& conversation);

 private:
  enum class Waiting { nothing, tls, ntlm, password };

  [[nodiscard]] bool is_readable() const { return !dialogue_.enters_tls && !dialogue_.enters_seal; }
  void read_turn(const Turn& turn);
  void client_line(std::string line);
  void message(std::string& line);
  void command(std::string line);
  void begin_login(std::string_view verb, std::string& initial);
  void server_line(std::string line);
  void challenge(std::string& line);
  void end_login(int code, std::string_view text);
  void keep_sealed(Side side, ByteSpan data, std::uint64_t missing);
  [[nodiscard]] LineCutter& cutter(Side side) { return cutters_[static_cast<std::size_t>(side)]; }

  Dialogue dialogue_;
  std::array<LineCutter, 2> cutters_;
  Waiting waiting_ = Waiting::nothing;
};

Dialogue Reader::read(const Conversation& conversation) {
  for (const Turn& turn : conversation.turns) {
    if (dialogue_.enters_seal) {
      keep_sealed(turn.side, turn.data, turn.missing);
    } else if (is_readable()) {
      read_turn(turn);
    }
  }
  for (const Side side : {Side::client, Side::server}) {
    std::string rest = cutter(side).take_rest();
    if (!rest.empty() && is_readable()) dialogue_.lines.push_back({side, std::move(rest)});
  }
  return std::move(dialogue_);
}

void Reader::read_turn(const Turn& turn) {
  dialogue_.missing += turn.missing;
  cutter(turn.side).feed(turn.data);
  while (is_readable()) {
    auto line = cutter(turn.side).next();
    if (!line) return;
    turn.side == Side::client ? client_line(std::move(*line)) : server_line(std::move(*line));
  }
  if (!dialogue_.enters_seal) return;
  for (const Side side : {Side::client, Side::server})
    keep_sealed(side, as_bytes(cutter(side).take_rest()), 0);
}

void Reader::keep_sealed(Side side, ByteSpan data, std::uint64_t missing) {
  if (!data.empty() || missing > 0)
    dialogue_.sealed.push_back({side, missing, Bytes(data.begin(), data.end())});
}

void Reader::client_line(std::string line) {
  if (waiting_ == Waiting::password) {
    dialogue_.lines.push_back({Side::client, {}, true});
  } else if (waiting_ == Waiting::ntlm) {
    message(line);
    dialogue_.lines.push_back({Side::client, std::move(line)});
  } else {
    command(std::move(line));
  }
}

// A line of an NTLM login, of which only the name of its message is left.
void Reader::message(std::string& line) {
  Login& login = dialogue_.logins.back();
  Token token = read_token(line);
  if (token.type == 0) return;
  line = placeholder(token);
  if (token.type == 1) login.negotiate = std::move(token.message);
  if (token.type == 3) login.authenticate = std::move(token.message);
}

void Reader::command(std::string line) {
  const auto command = smtp::parse_command(line);
  waiting_ = command.verb == Verb::starttls ? Waiting::tls : Waiting::nothing;
  if (command.verb != Verb::auth && command.verb != Verb::xauth) {
    dialogue_.lines.push_back({Side::client, std::move(line)});
    return;
  }
  const auto space = std::min(command.argument.find(' '), command.argument.size());
  const auto mechanism = command.argument.substr(0, space);
  std::string initial(command.argument.substr(std::min(space + 1, command.argument.size())));
  const std::string shown = std::string(command.name) + " " + std::string(mechanism);
  if (boost::algorithm::iequals(mechanism, "NTLM")) {
    begin_login(smtp::name(command.verb), initial);
    dialogue_.lines.push_back({Side::client, initial.empty() ? shown : shown + " " + initial});
  } else {
    waiting_ = Waiting::password;
    dialogue_.lines.push_back({Side::client, shown, !initial.empty()});
  }
}

// `initial` becomes what may be shown of it.
void Reader::begin_login(std::string_view verb, std::string& initial) {
  waiting_ = Waiting::ntlm;
  auto& logins = dialogue_.logins;
  const bool again =
      !logins.empty() && logins.back().code == kSyntaxError && logins.back().has_initial_response;
  if (again) {
    logins.back().was_asked_again = true;
  } else {
    logins.emplace_back().verb = verb;
  }
  message(initial);
  logins.back().has_initial_response |= !logins.back().negotiate.empty();
}

void Reader::server_line(std::string line) {
  const int code = reply_code(line);
  if (waiting_ == Waiting::ntlm && code == kContinue) {
    challenge(line);
    dialogue_.lines.push_back({Side::server, std::move(line)});
    return;
  }
  dialogue_.lines.push_back({Side::server, line});
  const bool goes_on = code == kContinue && waiting_ == Waiting::password;
  if (!is_last(line) || goes_on) return;
  if (waiting_ == Waiting::ntlm)
    end_login(code, std::string_view(line).substr(std::min<std::size_t>(4, line.size())));
  dialogue_.enters_tls = waiting_ == Waiting::tls && code == 220;
  waiting_ = Waiting::nothing;
}

void Reader::challenge(std::string& line) {
  Token token = read_token(std::string_view(line).substr(std::min<std::size_t>(4, line.size())));
  if (token.type == 0) return;
  line = "334 " + placeholder(token);
  if (token.type == 2) dialogue_.logins.back().challenge = std::move(token.message);
}

void Reader::end_login(int code, std::string_view text) {
  Login& login = dialogue_.logins.back();
  login.code = code;
  login.reply = text;
  dialogue_.enters_seal = code == kAccepted && agrees_on_seal(login);
}

}  // namespace

void LineCutter::feed(ByteSpan data) {
  pending_.erase(0, std::exchange(begin_, 0));
  pending_ += as_text(data);
}

std::optional<std::string> LineCutter::next() {
  const std::size_t end = std::min(pending_.find('\n', begin_), pending_.size());
  const std::size_t size = std::min(end - begin_, kMaxLine);
  const bool is_whole = begin_ + size < pending_.size() && pending_[begin_ + size] == '\n';
  if (!is_whole && size < kMaxLine) return std::nullopt;
  std::string line = pending_.substr(begin_, size);
  begin_ += size + (is_whole ? 1 : 0);
  if (is_whole && line.ends_with('\r')) line.pop_back();
  return line;
}

std::string LineCutter::take_rest() {
  std::string rest = pending_.substr(begin_);
  pending_.clear();
  begin_ = 0;
  return rest;
}

Dialogue read_dialogue(const Conversation& conversation) {
  return Reader().read(conversation);
}

}  // namespace smtpseal::analyze
