// The accounts file of smtpseal (docs/files.md) as a server's source of accounts: read anew when it has
// changed.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "smtpseal/policy/account_files.hpp"

namespace smtpseal::sasl {

class AccountsFile {
 public:
  explicit AccountsFile(std::string path) : path_(std::move(path)) {}

  struct Reading {
    std::shared_ptr<const policy::Accounts> accounts;  // null where there is a problem
    std::string problem;                               // file:line and what is wrong
  };
  // The accounts that the file has now. A file without any account is a problem: nobody could log in. Costs
  // one stat(2) where the file is as it was. Where the process has entered a chroot or given up its user
  // since the file was read, as Postfix's smtpd does, and cannot read it any more, it has the accounts it
  // had: such processes are replaced soon. Safe from any thread.
  [[nodiscard]] Reading current(const crypto::Engine& engine);

 private:
  // What tells one state of a file from another.
  struct Stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    timespec modified, changed;
    [[nodiscard]] bool is_same(const Stamp& other) const;
  };
  // What decides which files a process sees and may read.
  struct Confinement {
    dev_t root_device = 0;
    ino_t root = 0;
    uid_t user = 0;
    static Confinement now();
    [[nodiscard]] bool is_same(const Confinement& other) const;
  };
  [[nodiscard]] std::optional<Stamp> stamp() const;
  [[nodiscard]] Reading read(const crypto::Engine& engine) const;

  const std::string path_;
  std::mutex mutex_;
  std::optional<Stamp> stamp_;
  Confinement confinement_;  // of the process when it read accounts_
  std::shared_ptr<const policy::Accounts> accounts_;
};

}  // namespace smtpseal::sasl
