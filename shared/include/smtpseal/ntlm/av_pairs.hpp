// AV_PAIR lists ([MS-NLMP] 2.2.2.1): what a server says of itself in TargetInfo, and what an NTLMv2 client
// repeats and adds in its response. Pure; bounded by the message that carries the list.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "smtpseal/bytes.hpp"
#include "smtpseal/ntlm/errc.hpp"
#include "smtpseal/ntlm/wire.hpp"

namespace smtpseal::ntlm {

struct AvPair {
  AvId id;
  ByteSpan value;
};

class AvPairs {
 public:
  // Decodes a list; what follows its MsvAvEOL is ignored. The result borrows from `wire`, which must outlive
  // it. Errors: bad_av_pairs where MsvAvEOL is missing, a value runs past the end, a known identifier appears
  // twice, or MsvAvFlags, MsvAvTimestamp or MsvAvChannelBindings has not its size.
  [[nodiscard]] static Result<AvPairs> decode(ByteSpan wire);

  [[nodiscard]] const std::vector<AvPair>& pairs() const { return pairs_; }
  [[nodiscard]] std::optional<ByteSpan> find(AvId id) const;
  [[nodiscard]] std::uint32_t flags() const;  // 0 where there are none
  [[nodiscard]] std::optional<std::uint64_t> timestamp() const;

 private:
  std::vector<AvPair> pairs_;
};

// Appends one pair. The list ends with append_av(list, AvId::eol, {}).
void append_av(Bytes& list, AvId id, ByteSpan value);

}  // namespace smtpseal::ntlm
