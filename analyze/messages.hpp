// NTLMSSP messages in words. Pure. Text of the peers comes out as UTF-8 without controls.
#pragma once

#include <string>
#include <vector>

#include "session.hpp"

namespace smtpseal::analyze {

std::vector<Fact> describe_negotiate(ByteSpan wire);
std::vector<Fact> describe_challenge(ByteSpan wire);
std::vector<Fact> describe_authenticate(const ntlm::Transcript& messages);

std::string hex_text(ByteSpan octets);
// Octets as text: what is not printable ASCII as \xNN, a backslash doubled.
std::string escaped(std::string_view text);

}  // namespace smtpseal::analyze
