#include "run_as.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "command_run.hpp"
#include "context.hpp"

namespace smtpseal::cli {
namespace {

constexpr unsigned kTimeLimit = 20;  // seconds
constexpr char kEndMark = '\n';      // behind the answer of a child that came to its end

std::string error_text(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

// Empty: done.
std::string become(const Identity& identity, const Place& place) {
  if (!place.root.empty() && ::chroot(place.root.c_str()) != 0) return error_text("chroot " + place.root);
  const auto directory = place.directory.empty() && !place.root.empty() ? std::string("/") : place.directory;
  if (!directory.empty() && ::chdir(directory.c_str()) != 0) return error_text(directory);
  if (::geteuid() != 0) return {};
  if (::setgroups(identity.groups.size(), identity.groups.data()) != 0 || ::setgid(identity.gid) != 0 ||
      ::setuid(identity.uid) != 0)
    return error_text("cannot become " + identity.user);
  return {};
}

std::string answer_of(const std::function<std::string()>& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    return error.what();
  }
}

[[noreturn]] void run_child(const Identity& identity, const Place& place,
                            const std::function<std::string()>& work, int output) {
  ::alarm(kTimeLimit);
  auto answer = become(identity, place);
  if (answer.empty()) answer = answer_of(work);
  answer += kEndMark;
  const bool is_written =
      ::write(output, answer.data(), answer.size()) == static_cast<ssize_t>(answer.size());
  ::_exit(is_written ? kSuccess : kProblem);
}

std::string ending(int status) {
  if (!WIFSIGNALED(status)) return "a child process ended early";
  if (WTERMSIG(status) == SIGALRM) return "no answer within " + std::to_string(kTimeLimit) + " seconds";
  return std::string("a child process ended by signal ") + ::strsignal(WTERMSIG(status));
}

}  // namespace

std::optional<Identity> identity_of(const std::string& user) {
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) return std::nullopt;
  Identity identity{user, entry->pw_uid, entry->pw_gid, {}};
  int count = 64;
  identity.groups.resize(static_cast<std::size_t>(count));
  if (::getgrouplist(user.c_str(), identity.gid, identity.groups.data(), &count) < 0) {
    identity.groups.resize(static_cast<std::size_t>(count));
    ::getgrouplist(user.c_str(), identity.gid, identity.groups.data(), &count);
  }
  identity.groups.resize(static_cast<std::size_t>(count));
  return identity;
}

bool can_run_as(const Identity& identity, const Place& place) {
  return ::geteuid() == 0 || (identity.uid == ::geteuid() && place.root.empty());
}

std::string run_as(const Identity& identity, const Place& place, const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(error_text("pipe"));
  const pid_t child = ::fork();
  if (child < 0) throw Failure(error_text("fork"));
  if (child == 0) run_child(identity, place, work, ends[1]);
  ::close(ends[1]);
  auto answer = read_to_end(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!answer.ends_with(kEndMark)) return ending(status);
  answer.pop_back();
  return answer;
}

}  // namespace smtpseal::cli
