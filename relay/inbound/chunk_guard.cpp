#include "inbound/chunk_guard.hpp"

namespace smtpseal::relay {

void ChunkGuard::feed(std::string_view octets) {
  for (const char c : octets) {
    if (after_cr_ != (c == '\n')) bad_ = true;
    after_cr_ = c == '\r';
  }
}

}  // namespace smtpseal::relay
