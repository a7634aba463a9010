// Copies of files beside them, made before they are changed, and the way back.
#pragma once

#include <string>
#include <vector>

namespace smtpseal::cli {

class Backup {
 public:
  // REQUIRES: names of files in `directory`.
  Backup(std::string directory, std::vector<std::string> names);

  // Copies every file to NAME.smtpseal-TIME with its owner and mode. Throws Failure.
  void make();
  // Gives the files, which were changed, the owner and mode they had, and remembers how they are now: what
  // put_back() expects to find.
  void seal();
  // Puts back what the last make() in this process, or else the newest one before it, copied, and removes the
  // copies. Throws Failure where there are none, and, unless `force`, where a file is not as seal() saw it.
  // Returns the time in the names.
  std::string put_back(bool force);
  // The time in the names of the copies; empty before make().
  [[nodiscard]] const std::string& time() const { return time_; }

 private:
  [[nodiscard]] std::string file(const std::string& name) const { return directory_ + "/" + name; }
  [[nodiscard]] std::string copy(const std::string& name) const { return file(name) + ".smtpseal-" + time_; }
  [[nodiscard]] std::string newest() const;

  std::string directory_;
  std::vector<std::string> names_;
  std::string time_;
};

}  // namespace smtpseal::cli
