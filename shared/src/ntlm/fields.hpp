// What the three NTLMSSP messages have in common ([MS-NLMP] 2.2.1): signature, type, and fields of the form
// {length, maximum length, offset} that point into the payload behind the fixed part.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "smtpseal/bytes.hpp"
#include "smtpseal/ntlm/errc.hpp"

namespace smtpseal::ntlm {

enum class MessageType : std::uint32_t { negotiate = 1, challenge = 2, authenticate = 3 };

inline constexpr std::size_t kFieldSize = 8;
inline constexpr std::size_t kMaxFields = 6;

// Checks length, signature and type. Errors: too_long, truncated, bad_signature.
[[nodiscard]] Result<> check_message(ByteSpan wire, MessageType type, std::size_t fixed_size);

// Reads field headers one after another and resolves them. It remembers its first error.
class FieldReader {
 public:
  FieldReader(ByteSpan message, std::size_t fixed_size)
      : message_(message), payload_start_(message.size()), fixed_(fixed_size) {}

  // The octets of the field whose header is next in `header`. An empty field may point anywhere.
  ByteSpan read(ByteReader& header);

  // False after a field that reached outside the message, into its fixed part, or into another field, which
  // no peer writes.
  [[nodiscard]] bool ok() const { return ok_; }
  // Where the first field begins; the size of the message where there is none.
  [[nodiscard]] std::size_t payload_start() const { return payload_start_; }

 private:
  [[nodiscard]] bool is_free(std::size_t begin, std::size_t end) const;

  ByteSpan message_;
  std::size_t payload_start_;
  std::size_t fixed_;
  std::array<std::pair<std::size_t, std::size_t>, kMaxFields> used_{};
  std::size_t used_count_ = 0;
  bool ok_ = true;
};

// Where the fields of a message to be go: behind its fixed part, in the order in which place() was called.
class FieldWriter {
 public:
  struct Place {
    ByteSpan data;
    std::size_t offset = 0;
  };

  explicit FieldWriter(std::size_t fixed_size) : next_(fixed_size) {}

  [[nodiscard]] Place place(ByteSpan data) {
    const Place here{data, next_};
    next_ += data.size();
    return here;
  }

 private:
  std::size_t next_;
};

// The beginning of every message, and the header of one field.
void append_message_start(Bytes& message, MessageType type);
void append_field(Bytes& message, const FieldWriter::Place& place);

}  // namespace smtpseal::ntlm
