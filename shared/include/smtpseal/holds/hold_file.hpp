// The relay's memory of its holds across restarts: a text file of one line a hold, with a checksum.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/holds/hold.hpp"
#include "smtpseal/holds/secret_mark.hpp"
#include "smtpseal/result.hpp"

namespace smtpseal::holds {

struct StoredHold {
  Hold hold;
  std::optional<SecretMark> secret;  // nothing while a login is under way

  bool operator==(const StoredHold&) const = default;
};

inline constexpr std::size_t kMaxHolds = 1000;  // in the file

// REQUIRES: at most kMaxHolds, each account once. Pure.
std::string format_holds(std::span<const StoredHold> holds);
// Takes what format_holds() writes and nothing else: a text that was cut or altered anywhere is none. Pure.
[[nodiscard]] std::optional<std::vector<StoredHold>> parse_holds(std::string_view text);

class HoldFile {
 public:
  struct Content {
    std::optional<std::vector<StoredHold>> holds;
    std::string problem;   // why there are none
    bool missing = false;  // the problem is that there is no such file
  };

  // The file `holds` in `directory`.
  explicit HoldFile(std::string directory) : directory_(std::move(directory)), path_(directory_ + "/holds") {}

  [[nodiscard]] const std::string& path() const { return path_; }
  // Makes the directory where it is missing, for nobody but `user` (empty, or not root: the running user).
  [[nodiscard]] Result<> make_directory(const std::string& user) const;
  [[nodiscard]] Content read() const;
  // Replaces the file so that even a power cut leaves the old or the new one. Mode 0600.
  [[nodiscard]] Result<> write(std::span<const StoredHold> holds) const;

 private:
  std::string directory_;
  std::string path_;
};

}  // namespace smtpseal::holds
