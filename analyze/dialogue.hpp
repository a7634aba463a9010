// The part of an SMTP session that can be read: lines, and the NTLM logins among them. Pure. What is no line
// is shown all the same, so this is laxer than any server may be.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conversation.hpp"

namespace smtpseal::analyze {

struct Line {
  Side side = Side::client;
  std::string text;           // without its end; lines beyond kMaxLine are cut up
  bool hides_secret = false;  // a password stood here, which is left out
};
inline constexpr std::size_t kMaxLine = 65536;

// Cuts what one side says into lines. LF ends one, a CR before it is left out.
class LineCutter {
 public:
  void feed(ByteSpan data);
  [[nodiscard]] std::optional<std::string> next();
  // What is left, though no line end has come.
  [[nodiscard]] std::string take_rest();

 private:
  std::string pending_;
  std::size_t begin_ = 0;  // of what no line was made of yet
};

// One AUTH NTLM or XAUTH NTLM, as far as it went.
struct Login {
  std::string verb;  // "AUTH", "XAUTH"
  bool has_initial_response = false;
  bool was_asked_again = false;  // 501 to the initial response, and then without one
  Bytes negotiate;               // empty where there was none
  Bytes challenge;
  Bytes authenticate;
  int code = 0;       // of the reply that ended it; 0 where there is none
  std::string reply;  // its text
};

struct Dialogue {
  std::vector<Line> lines;
  std::vector<Login> logins;
  bool enters_tls = false;   // STARTTLS was accepted: nothing is read behind it
  bool enters_seal = false;  // 235 to a login that agreed on SEAL; behind it is `sealed`
  std::vector<Turn> sealed;
  std::uint64_t missing = 0;  // octets before the seal that the capture lacks
};

[[nodiscard]] Dialogue read_dialogue(const Conversation& conversation);

}  // namespace smtpseal::analyze
