#include "smtpseal/policy/checked_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "../descriptor.hpp"

namespace smtpseal::policy {
namespace {

std::string system_text(int error) {
  return std::generic_category().message(error);
}

std::string mode_problem(mode_t mode, Confidential confidential) {
  if (confidential == Confidential::yes) {
    if ((mode & (S_IRWXO | S_IWGRP)) == 0) return {};
    return "it holds secrets, and its mode lets others in; allowed is at most 0640: chmod 0640";
  }
  if ((mode & S_IWOTH) == 0) return {};
  return "everybody may write it; allowed is at most 0664: chmod o-w";
}

std::string status_problem(const struct stat& status, Confidential confidential) {
  if (!S_ISREG(status.st_mode)) return "it is not a regular file";
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return "its owner is user number " + std::to_string(status.st_uid) +
           "; allowed are root and the running user: chown root";
  }
  if (static_cast<std::size_t>(status.st_size) > kMaxCheckedFile) {
    return "it is larger than " + std::to_string(kMaxCheckedFile) + " octets";
  }
  return mode_problem(status.st_mode, confidential);
}

// Reads up to `text.size()` octets; what is there beyond that is the caller's to notice. Returns 0 or the
// error number.
int read_up_to(int descriptor, std::string& text) {
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t count = ::read(descriptor, text.data() + filled, text.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  text.resize(filled);
  return 0;
}

CheckedFile refused(std::string problem, bool missing = false) {
  return {std::nullopt, std::move(problem), missing};
}

}  // namespace

CheckedFile read_checked_file(const std::string& path, Confidential confidential) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.number() < 0) return refused("cannot be opened: " + system_text(errno), errno == ENOENT);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return refused("cannot be examined: " + system_text(errno));
  if (auto problem = status_problem(status, confidential); !problem.empty())
    return refused(std::move(problem));

  // One octet more than there should be, so that a file that grew is noticed rather than cut.
  std::string text(static_cast<std::size_t>(status.st_size) + 1, '\0');
  const int error = read_up_to(file.number(), text);
  CheckedFile result;
  const bool grew = text.size() > static_cast<std::size_t>(status.st_size);
  result.text.emplace(std::move(text));
  if (error != 0) return refused("cannot be read: " + system_text(error));
  if (grew) return refused("it grew while it was read; try again");
  return result;
}

}  // namespace smtpseal::policy
