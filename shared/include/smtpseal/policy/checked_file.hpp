// Reading the administrator's files: whole, bounded, and only where their owner and mode can be trusted.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "smtpseal/secret.hpp"

namespace smtpseal::policy {

// What others may do with a file.
//   no:  they may read it (domains, smtpseal.toml); nobody but owner and group may write it.
//   yes: it holds secrets; others get nothing at all, and only the owner may write.
enum class Confidential { no, yes };

// Bounds what a mistaken path can make a daemon read. One million domain entries take less.
inline constexpr std::size_t kMaxCheckedFile = std::size_t{64} * 1024 * 1024;

struct CheckedFile {
  std::optional<SecretText> text;  // wiped when it goes, since it may hold passwords
  std::string problem;             // set where text is empty: what is wrong and what to do
  bool missing = false;            // the problem is that there is no such file
};

// Reads `path`. The checks are made on the opened descriptor: a regular file of at most kMaxCheckedFile
// octets, owned by root or the running user, with a mode as `confidential` asks. Never blocks on a FIFO or a
// device.
[[nodiscard]] CheckedFile read_checked_file(const std::string& path, Confidential confidential);

}  // namespace smtpseal::policy
