// Reading a password: from a file, from the terminal without echo, asked twice, or from standard input. Never
// an argument, since arguments can be seen by every user of the host.
#pragma once

#include <string>

#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/policy/account_files.hpp"

namespace smtpseal::cli {

// How a secret is stored: the NT hash, with the LM hash behind it, or the password itself in double quotes,
// which only the credentials file can hold.
enum class SecretForm { nt, nt_and_lm, clear };

// Reads the password of `account`, the first line of `file` or, where that is empty, of the terminal or
// standard input, and returns the secret field for the tables; the caller wipes it. Throws Failure for a file
// that others can read, a blank password, one that was not repeated alike, one that is not UTF-8 text, and
// one that cannot be stored as wanted. Warns on standard error about a weak password, and about one that has
// no LM hash where that is wanted.
std::string read_secret(const crypto::Engine& engine, const std::string& account, SecretForm form,
                        const std::string& file);

// The secret of an account that exists, to be tried and not stored: the password, or its hashes as "{NT}hex"
// or "{NT}hex{LM}hex". Read as read_secret() does, but asked for once. Throws Failure.
policy::StoredSecret read_known_secret(const crypto::Engine& engine, const std::string& account,
                                       const std::string& file);

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
