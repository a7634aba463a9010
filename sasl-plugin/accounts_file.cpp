#include "accounts_file.hpp"

#include <unistd.h>

#include "smtpseal/policy/checked_file.hpp"

namespace smtpseal::sasl {
namespace {

bool is_equal(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

bool AccountsFile::Stamp::is_same(const Stamp& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         is_equal(modified, other.modified) && is_equal(changed, other.changed);
}

AccountsFile::Reading AccountsFile::current(const crypto::Engine& engine) {
  const std::lock_guard lock(mutex_);
  // Taken before the file is read: a change in between is seen next time.
  const auto now = stamp();
  if (accounts_ && now && stamp_ && stamp_->is_same(*now)) return {accounts_, {}};
  const auto confinement = Confinement::now();
  auto reading = read(engine);
  if (!reading.accounts && accounts_ && !confinement_.is_same(confinement)) return {accounts_, {}};
  accounts_ = reading.accounts;
  stamp_ = now;
  confinement_ = confinement;
  return reading;
}

AccountsFile::Confinement AccountsFile::Confinement::now() {
  struct stat root {};
  if (::stat("/", &root) != 0) return {};
  return {root.st_dev, root.st_ino, ::geteuid()};
}

bool AccountsFile::Confinement::is_same(const Confinement& other) const {
  return root_device == other.root_device && root == other.root && user == other.user;
}

std::optional<AccountsFile::Stamp> AccountsFile::stamp() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return std::nullopt;
  return Stamp{status.st_dev, status.st_ino, status.st_size, status.st_mtim, status.st_ctim};
}

AccountsFile::Reading AccountsFile::read(const crypto::Engine& engine) const {
  const auto file = policy::read_checked_file(path_, policy::Confidential::yes);
  if (!file.text) return {nullptr, path_ + ": " + file.problem};
  std::vector<policy::Problem> problems;
  auto accounts = policy::Accounts::parse(engine, file.text->reveal(), path_, problems);
  if (!problems.empty()) return {nullptr, problems.front().message()};
  if (accounts.entries().empty()) return {nullptr, path_ + ": there is no account"};
  return {std::make_shared<const policy::Accounts>(std::move(accounts)), {}};
}

}  // namespace smtpseal::sasl
