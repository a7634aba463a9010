// Reading a password: from the terminal without echo, asked twice, or the first line of standard input. Never
// an argument, since arguments can be seen by every user of the host.
#pragma once

#include <string>

#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::cli {

// Asks for the password of `account` and returns the secret field for the tables; the caller wipes it. Throws
// Failure for a blank password, one that was not repeated alike, and one that is not UTF-8 text. Warns on
// standard error about a short password, and about one that has no LM hash where that is wanted.
std::string read_secret(const crypto::Engine& engine, const std::string& account, bool with_lm);

// Wipes a text that had to be a std::string for a while.
class WipeLater {
 public:
  explicit WipeLater(std::string& text) : text_(text) {}
  WipeLater(const WipeLater&) = delete;
  WipeLater& operator=(const WipeLater&) = delete;
  ~WipeLater() { wipe(text_.data(), text_.size()); }

 private:
  std::string& text_;
};

}  // namespace smtpseal::cli
