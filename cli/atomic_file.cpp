#include "atomic_file.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "context.hpp"

namespace smtpseal::cli {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Failure(what + ": " + std::generic_category().message(errno));
}

std::string resolved(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? std::string(real.get()) : path;
}

}  // namespace

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

AtomicFile::AtomicFile(const std::string& path, const Fresh& fresh)
    : target_(resolved(path)),
      directory_(directory_of(target_)),
      temporary_(directory_ + "/.smtpseal-XXXXXX") {
  descriptor_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (descriptor_ < 0) fail("no new file can be made in " + directory_);
  try {
    take_owner_and_mode(fresh);
  } catch (...) {
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
    throw;
  }
}

AtomicFile::~AtomicFile() {
  ::close(descriptor_);
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::take_owner_and_mode(const Fresh& fresh) {
  struct stat own {};
  struct stat old {};
  if (::fstat(descriptor_, &own) != 0) fail("the new file cannot be examined");
  mode_t mode = fresh.mode;
  uid_t owner = own.st_uid;
  gid_t group = own.st_gid;
  if (::stat(target_.c_str(), &old) == 0) {
    mode = old.st_mode & 07777U;
    owner = old.st_uid;
    group = old.st_gid;
  } else if (const auto* entry = fresh.group.empty() ? nullptr : ::getgrnam(fresh.group.c_str());
             entry != nullptr) {
    group = entry->gr_gid;
  } else {
    mode = fresh.mode_without_group;
  }
  const bool changes = owner != own.st_uid || group != own.st_gid;
  if (changes && ::fchown(descriptor_, owner, group) != 0)
    fail("owner and group of " + target_ + " cannot be kept");
  if (::fchmod(descriptor_, mode) != 0) fail("the mode of " + target_ + " cannot be kept");
}

void AtomicFile::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor_, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(temporary_ + " cannot be written");
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail(temporary_ + " cannot be written");
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail(target_ + " cannot be replaced");
  committed_ = true;
  // The rename is done; where the directory cannot be synced, a crash may at worst bring the old file back.
  const int directory = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  ::fsync(directory);
  ::close(directory);
}

}  // namespace smtpseal::cli
