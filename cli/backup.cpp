#include "backup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "atomic_file.hpp"
#include "command_run.hpp"
#include "context.hpp"

namespace smtpseal::cli {
namespace {

constexpr auto kAfter = ".after";

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  std::array<char, 32> text{};
  ::gmtime_r(&now, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts)};
}

std::string read_file(const std::string& path) {
  const int input = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (input < 0) throw Failure(path + ": " + std::strerror(errno));
  auto text = read_to_end(input);
  ::close(input);
  return text;
}

// With owner and mode of the original, and never over something that is there.
void copy_file(const std::string& from, const std::string& to) {
  struct stat status {};
  if (::stat(from.c_str(), &status) != 0) throw Failure(from + ": " + std::strerror(errno));
  const auto text = read_file(from);
  const int output = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (output < 0) throw Failure(to + ": " + std::strerror(errno));
  const bool done = ::write(output, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                    ::fchown(output, status.st_uid, status.st_gid) == 0 &&
                    ::fchmod(output, status.st_mode & 07777U) == 0 && ::fsync(output) == 0;
  const std::string reason = std::strerror(errno);
  ::close(output);
  if (!done) throw Failure(to + ": " + reason);
}

void take_owner_and_mode(const std::string& from, const std::string& to) {
  struct stat status {};
  if (::stat(from.c_str(), &status) != 0 || ::chown(to.c_str(), status.st_uid, status.st_gid) != 0 ||
      ::chmod(to.c_str(), status.st_mode & 07777U) != 0)
    throw Failure("owner and mode of " + to + ": " + std::strerror(errno));
}

}  // namespace

Backup::Backup(std::string directory, std::vector<std::string> names)
    : directory_(std::move(directory)), names_(std::move(names)) {}

void Backup::make() {
  time_ = utc_now();
  for (const auto& name : names_) copy_file(file(name), copy(name));
}

void Backup::seal() {
  for (const auto& name : names_) {
    take_owner_and_mode(copy(name), file(name));
    copy_file(file(name), copy(name) + kAfter);
  }
}

std::string Backup::newest() const {
  const auto prefix = names_.front() + ".smtpseal-";
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(prefix) && !name.ends_with(kAfter))
      newest = std::max(newest, name.substr(prefix.size()));
  }
  if (newest.empty()) throw Failure("there is no copy " + file(prefix) + "* to put back");
  return newest;
}

std::string Backup::put_back(bool force) {
  if (time_.empty()) time_ = newest();
  for (const auto& name : names_) {
    const auto after = copy(name) + kAfter;
    const bool is_changed = !std::filesystem::exists(after) || read_file(after) != read_file(file(name));
    if (is_changed && !force)
      throw Failure(file(name) + " was changed after smtpseal changed it; --force puts " + copy(name) +
                    " back all the same");
  }
  for (const auto& name : names_) {
    AtomicFile restored(file(name), {});
    restored.write(read_file(copy(name)));
    restored.commit();
    take_owner_and_mode(copy(name), file(name));
  }
  for (const auto& name : names_) {
    ::unlink(copy(name).c_str());
    ::unlink((copy(name) + kAfter).c_str());
  }
  return time_;
}

}  // namespace smtpseal::cli
