// Replaces a file so that readers see the old or the new text and nothing else, even after a crash.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace smtpseal::cli {

class AtomicFile {
 public:
  // Owner and mode of a file that does not exist yet; one that does keeps its own.
  struct Fresh {
    mode_t mode = 0644;
    std::string group;  // empty, or not on this host: the running user's
    mode_t mode_without_group = 0644;
  };

  // Makes a temporary file beside `path` (beside what it points to, where it is a symbolic link). Throws
  // Failure.
  AtomicFile(const std::string& path, const Fresh& fresh);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  // Removes the temporary file unless commit() was reached.
  ~AtomicFile();

  // Where the new text is until commit().
  [[nodiscard]] const std::string& temporary_path() const { return temporary_; }
  void write(std::string_view text);
  // Syncs, renames, syncs the directory. Throws Failure; then the old file is in place.
  void commit();

 private:
  void take_owner_and_mode(const Fresh& fresh);

  std::string target_;
  std::string directory_;
  std::string temporary_;
  int descriptor_ = -1;
  bool committed_ = false;
};

// Directory of a path; "." where it has none.
std::string directory_of(const std::string& path);

}  // namespace smtpseal::cli
