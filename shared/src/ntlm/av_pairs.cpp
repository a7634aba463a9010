#include "smtpseal/ntlm/av_pairs.hpp"

#include <algorithm>

namespace smtpseal::ntlm {

namespace {

bool has_right_size(const AvPair& pair) {
  switch (pair.id) {
    case AvId::flags:
      return pair.value.size() == 4;
    case AvId::timestamp:
      return pair.value.size() == 8;
    case AvId::channel_bindings:
      return pair.value.size() == 16;
    default:
      return true;
  }
}

// Notes a known identifier in `seen`; false when it was there already. Unknown ones are nobody's business.
bool is_first(AvId id, std::uint32_t& seen) {
  if (id > AvId::channel_bindings) return true;
  const std::uint32_t bit = 1U << static_cast<unsigned>(id);
  const bool first = (seen & bit) == 0;
  seen |= bit;
  return first;
}

}  // namespace

Result<AvPairs> AvPairs::decode(ByteSpan wire) {
  AvPairs list;
  ByteReader reader(wire);
  std::uint32_t seen = 0;
  for (;;) {
    const auto id = static_cast<AvId>(reader.u16le());
    const ByteSpan value = reader.take(reader.u16le());
    const AvPair pair{id, value};
    if (!reader.ok() || !has_right_size(pair) || !is_first(id, seen))
      return make_error_code(errc::bad_av_pairs);
    if (id == AvId::eol) break;
    list.pairs_.push_back(pair);
  }
  return list;
}

std::optional<ByteSpan> AvPairs::find(AvId id) const {
  const auto found = std::ranges::find(pairs_, id, &AvPair::id);
  return found == pairs_.end() ? std::nullopt : std::optional(found->value);
}

std::uint32_t AvPairs::flags() const {
  const auto value = find(AvId::flags);
  return value ? load_u32le(value->data()) : 0;
}

std::optional<std::uint64_t> AvPairs::timestamp() const {
  const auto value = find(AvId::timestamp);
  return value ? std::optional(ByteReader(*value).u64le()) : std::nullopt;
}

void append_av(Bytes& list, AvId id, ByteSpan value) {
  append_u16le(list, static_cast<std::uint16_t>(id));
  append_u16le(list, static_cast<std::uint16_t>(value.size()));
  append(list, value);
}

}  // namespace smtpseal::ntlm
