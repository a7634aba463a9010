// Doing something as another user, in another root directory: whether a program of that user could do it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace smtpseal::cli {

struct Identity {
  std::string user;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};
// nullopt: there is no such user.
std::optional<Identity> identity_of(const std::string& user);

// Where a program works.
struct Place {
  std::string root;       // chroot(2); empty: none
  std::string directory;  // its current directory, within the root; empty: as it is
};

// Whether this process may do that: root may, others only as themselves and in their own root.
[[nodiscard]] bool can_run_as(const Identity& identity, const Place& place);

// Runs `work` in a child process with the user, its groups and the place; returns what it returned, or a
// sentence on what went wrong: no process, no chroot, an exception, or a crash. `work` has 20 seconds. Throws
// Failure where no child can be made. REQUIRES: can_run_as().
std::string run_as(const Identity& identity, const Place& place, const std::function<std::string()>& work);

}  // namespace smtpseal::cli
