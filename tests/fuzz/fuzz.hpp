// What the fuzz targets share. A target is LLVMFuzzerTestOneInput: linked with libFuzzer, or with
// corpus_runner.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "smtpseal/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace smtpseal::fuzz {

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}
inline ByteSpan bytes(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

// A promise that does not hold is a finding, whatever the build type.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace smtpseal::fuzz
