#include "command_run.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "context.hpp"

namespace smtpseal::cli {
namespace {

// What a program gets as its three standard descriptors; -1: /dev/null.
struct Streams {
  int input = STDIN_FILENO;
  int output = -1;
  int error = -1;
};

void add_stream(posix_spawn_file_actions_t& actions, int from, int as) {
  if (from < 0) {
    ::posix_spawn_file_actions_addopen(&actions, as, "/dev/null", O_RDWR, 0);
  } else if (from != as) {
    ::posix_spawn_file_actions_adddup2(&actions, from, as);
  }
}

// Returns 0 or an errno.
int start(const std::vector<std::string>& words, const Streams& streams, pid_t& child) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  add_stream(actions, streams.input, STDIN_FILENO);
  add_stream(actions, streams.output, STDOUT_FILENO);
  add_stream(actions, streams.error, STDERR_FILENO);
  const int error = ::posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

std::string without_line_ends(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// `streams` with the outputs that `wants_error` says at a pipe that is read to its end; else standard error
// is a file that says why it failed.
std::string run(const std::vector<std::string>& words, Streams streams, bool wants_error) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(std::string("pipe: ") + std::strerror(errno));
  streams.output = ends[1];
  if (wants_error) streams.error = ends[1];
  pid_t child = 0;
  const int error = start(words, streams, child);
  ::close(ends[1]);
  auto text = error == 0 ? without_line_ends(read_to_end(ends[0])) : std::string();
  ::close(ends[0]);
  if (error != 0) throw Failure(words.front() + " cannot be run: " + std::strerror(error));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!is_done && !wants_error) {
    ::lseek(streams.error, 0, SEEK_SET);
    text = without_line_ends(read_to_end(streams.error));
  }
  if (!is_done) throw Failure(words.front() + " failed: " + text);
  return text;
}

// A file in memory, so that neither side waits for the other.
int as_file(const std::string& text) {
  const int input = ::memfd_create("input", MFD_CLOEXEC);
  if (input < 0 || ::write(input, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw Failure(std::string("memfd_create: ") + std::strerror(errno));
  ::lseek(input, 0, SEEK_SET);
  return input;
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
  return run(words, {}, true);
}

std::string run_filter(const std::vector<std::string>& words, const std::string& input) {
  const int descriptor = as_file(input);
  const int error = as_file({});
  try {
    auto text = run(words, {descriptor, -1, error}, false);
    ::close(descriptor);
    ::close(error);
    return text;
  } catch (...) {
    ::close(descriptor);
    ::close(error);
    throw;
  }
}

bool has_command(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream directories(std::string(path == nullptr ? "" : path) + ":/usr/sbin:/sbin");
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (!directory.empty() && ::access((directory + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace smtpseal::cli
