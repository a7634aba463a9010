// Tells in another process whether a secret is still the one that was refused, and is no help to who wants to
// find the secret: scrypt with a salt of its own, of which 16 bits are kept. Whoever reads the file can make
// his list of passwords shorter by 2^16, for 16 MiB and tens of milliseconds a password, but never knows
// which one is right; and another secret is taken for the same one time in 2^16, where the hold then ends by
// its time.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::holds {

class SecretMark {
 public:
  // Of the NT hash, with a new salt. Marks of one secret under several salts tell more than one: keep the
  // first.
  static SecretMark make(const crypto::Engine& engine, const crypto::Key16& nt_hash);
  [[nodiscard]] bool matches(const crypto::Engine& engine, const crypto::Key16& nt_hash) const;

  // Hexadecimal, lower case.
  [[nodiscard]] std::string text() const;
  // Takes what text() gives and nothing else.
  [[nodiscard]] static std::optional<SecretMark> parse(std::string_view text);

  bool operator==(const SecretMark&) const = default;

 private:
  using Digest = std::array<std::byte, 2>;
  [[nodiscard]] Digest digest_of(const crypto::Engine& engine, const crypto::Key16& nt_hash) const;

  std::array<std::byte, 16> salt_{};
  Digest digest_{};
};

}  // namespace smtpseal::holds
