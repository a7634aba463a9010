#include "command_run.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "context.hpp"

namespace smtpseal::cli {
namespace {

// Starts the program with both outputs at `output`; returns 0 or an errno.
int start(const std::vector<std::string>& words, int output, pid_t& child) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  const int error = ::posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

std::string read_to_end(int input) {
  std::string text;
  char buffer[4096];
  ssize_t count = 0;
  do {
    count = ::read(input, buffer, sizeof buffer);
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  } while (count > 0 || (count < 0 && errno == EINTR));
  return text;
}

std::string run_command(const std::vector<std::string>& words) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(std::string("pipe: ") + std::strerror(errno));
  pid_t child = 0;
  const int error = start(words, ends[1], child);
  ::close(ends[1]);
  std::string text = error == 0 ? read_to_end(ends[0]) : std::string();
  while (text.ends_with('\n')) text.pop_back();
  ::close(ends[0]);
  if (error != 0) throw Failure(words.front() + " cannot be run: " + std::strerror(error));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw Failure(words.front() + " failed: " + text);
  return text;
}

}  // namespace smtpseal::cli
