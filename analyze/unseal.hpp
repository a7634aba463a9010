// Which way of framing, of keeping the RC4 state and of making keys opens the sealed part of a recorded
// session: every one that the library knows is tried. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "conversation.hpp"
#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/ntlm/seal_context.hpp"
#include "smtpseal/ntlm/wire.hpp"
#include "smtpseal/session/framing.hpp"

namespace smtpseal::analyze {

struct Variant {
  session::Framing framing;
  ntlm::HalfDuplexState state = ntlm::HalfDuplexState::shared;
  std::uint32_t flags = 0;  // that the keys are made by
  std::string key;          // those in words: "as agreed", "56 bit"

  [[nodiscard]] bool has_ess() const { return (flags & ntlm::kExtendedSessionSecurity) != 0; }
  // Both directions go on where the other one is.
  [[nodiscard]] bool shares_state() const { return !has_ess() && state == ntlm::HalfDuplexState::shared; }
};

// All for a session with these flags, what is agreed on first. With extended session security there is no
// shared state.
std::vector<Variant> variants_for(std::uint32_t flags);

// How far one direction could be opened.
struct Progress {
  std::uint64_t records = 0;
  std::uint64_t octets = 0;  // of plaintext
  std::uint64_t wire_octets =
      0;                // opened so far: where in the sealed part of this direction the next record is
  std::string problem;  // why it did not go on; empty where all of it was opened
  [[nodiscard]] bool is_whole() const { return problem.empty(); }
};

// Plaintext of one record.
struct Opened {
  Side side = Side::client;
  std::string plain;
};

struct Attempt {
  Variant variant;
  std::array<Progress, 2> progress;  // by Side
  std::vector<Opened> opened;

  [[nodiscard]] std::uint64_t records() const { return progress[0].records + progress[1].records; }
  [[nodiscard]] bool is_whole() const { return progress[0].is_whole() && progress[1].is_whole(); }
};

// `sealed` is what both sides sent behind 235, in the order of the wire.
Attempt attempt(const crypto::Engine& engine, const crypto::Key16& session_key, const Variant& variant,
                const std::vector<Turn>& sealed);

// All of them, the best one first: that with the most records, of equals the likeliest.
std::vector<Attempt> attempt_all(const crypto::Engine& engine, const crypto::Key16& session_key,
                                 std::uint32_t flags, const std::vector<Turn>& sealed);

// The first octets are text rather than a record: the side went on in clear.
[[nodiscard]] bool begins_in_clear(const std::vector<Turn>& sealed, Side side);

}  // namespace smtpseal::analyze
