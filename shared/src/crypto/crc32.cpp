#include <zlib.h>

#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::crypto {

std::uint32_t crc32(std::uint32_t crc, ByteSpan data) {
  // zlib takes a null pointer as a request for the initial value.
  if (data.empty()) return crc;
  return static_cast<std::uint32_t>(crc32_z(crc, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

}  // namespace smtpseal::crypto
