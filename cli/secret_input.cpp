#include "secret_input.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>

#include "context.hpp"
#include "password_weakness.hpp"

namespace smtpseal::cli {
namespace {

constexpr std::size_t kMaxPassword = 1024;
constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

volatile std::sig_atomic_t caught_signal = 0;

extern "C" void remember_signal(int number) {
  caught_signal = number;
}

// While it lives, typing is not shown, and a signal interrupts the read instead of leaving the terminal so.
class EchoOff {
 public:
  EchoOff() {
    caught_signal = 0;
    struct sigaction action {};
    action.sa_handler = remember_signal;
    for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &action, &old_actions_[i]);
    ::tcgetattr(STDIN_FILENO, &old_);
    termios silent = old_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;
  ~EchoOff() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &old_);
    for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &old_actions_[i], nullptr);
    std::cerr << '\n';
  }

 private:
  termios old_{};
  std::array<struct sigaction, kSignals.size()> old_actions_{};
};

// One line, without its end. Octet by octet, so that nothing behind the line is taken.
SecretText read_line(int input) {
  std::string line;
  line.reserve(kMaxPassword + 1);  // never grows, so that no copy stays behind
  char c = 0;
  while (line.size() <= kMaxPassword) {
    const ssize_t count = ::read(input, &c, 1);
    if (count < 0 && errno == EINTR && caught_signal == 0) continue;
    if (count <= 0 || c == '\n') break;
    line += c;
  }
  wipe(&c, 1);
  if (line.ends_with('\r')) line.pop_back();
  return SecretText(std::move(line));
}

SecretText ask(const std::string& prompt) {
  SecretText line;
  {
    const EchoOff echo_off;  // before the prompt: what is typed ahead of this is thrown away
    std::cerr << prompt << std::flush;
    line = read_line(STDIN_FILENO);
  }
  if (caught_signal != 0) throw Failure("interrupted; nothing was changed");
  return line;
}

SecretText read_twice(const std::string& account) {
  auto first = ask("Password of " + account + ": ");
  const auto second = ask("Once more: ");
  if (!equal_in_constant_time(as_bytes(first.reveal()), as_bytes(second.reveal()))) {
    throw Failure("the two passwords differ; nothing was changed");
  }
  return first;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// A file that somebody else may read or change is as good as an argument.
SecretText read_from_file(const std::string& path) {
  const int input = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (input < 0) throw Failure(path + ": " + std::strerror(errno));
  struct stat status {};
  const bool is_own = ::fstat(input, &status) == 0 && (status.st_uid == 0 || status.st_uid == ::geteuid());
  const bool is_closed = !S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXO | S_IWGRP)) == 0;
  SecretText line;
  if (is_own && is_closed) line = read_line(input);
  ::close(input);
  if (!is_own) throw Failure(path + " belongs to another user; nothing was read");
  if (!is_closed)
    throw Failure(path + " holds a password, and its mode lets others in: chmod 0600 " + path +
                  "; nothing was read");
  return line;
}

SecretText read_anywhere(const std::string& account, const std::string& file) {
  if (!file.empty()) return read_from_file(file);
  return ::isatty(STDIN_FILENO) != 0 ? read_twice(account) : read_line(STDIN_FILENO);
}

SecretText read_password(const std::string& account, const std::string& file) {
  auto password = read_anywhere(account, file);
  const auto text = password.reveal();
  if (text.find_first_not_of(" \t") == std::string_view::npos) throw Failure("a blank password is refused");
  if (text.size() > kMaxPassword) {
    throw Failure("the password has more than " + std::to_string(kMaxPassword) + " octets");
  }
  if (std::any_of(text.begin(), text.end(), is_control))
    throw Failure("the password holds a control character");
  if (const auto weakness = password_weakness(text, policy::split_account(account).user); !weakness.empty())
    std::cerr << "warning: " << weakness << "; who has recorded one login can find it by trying\n";
  return password;
}

}  // namespace

namespace {

std::string clear_secret(const crypto::Engine& engine, std::string_view password) {
  const auto parsed = policy::parse_secret(engine, password);
  if (!parsed.secret) throw Failure("the password cannot be stored in clear: " + parsed.problem);
  if (password.starts_with("{NT}"))
    throw Failure("the password cannot be stored in clear: it would be taken for a hash");
  std::string secret;
  secret.reserve(password.size() + 2);  // no copy is left behind for the caller's wipe() to miss
  secret += '"';
  secret += password;
  secret += '"';
  return secret;
}

}  // namespace

std::string read_secret(const crypto::Engine& engine, const std::string& account, SecretForm form,
                        const std::string& file) {
  const auto password = read_password(account, file);
  if (form == SecretForm::clear) return clear_secret(engine, password.reveal());
  const bool with_lm = form == SecretForm::nt_and_lm;
  auto secret = policy::format_secret(engine, password.reveal(), with_lm);
  if (secret.empty()) throw Failure("the password is not UTF-8");
  if (with_lm && secret.find("{LM}") == std::string::npos) {
    std::cerr << "warning: this password has no LM hash: it is longer than 14 characters or not ASCII\n";
  }
  return secret;
}

policy::StoredSecret read_known_secret(const crypto::Engine& engine, const std::string& account,
                                       const std::string& file) {
  const bool is_asked = file.empty() && ::isatty(STDIN_FILENO) != 0;
  const auto given = is_asked       ? ask("Password of " + account + ": ")
                     : file.empty() ? read_line(STDIN_FILENO)
                                    : read_from_file(file);
  std::string field = given.reveal().starts_with("{NT}")
                          ? std::string(given.reveal())
                          : policy::format_secret(engine, given.reveal(), true);
  const WipeLater later(field);
  if (field.empty()) throw Failure("the password is blank or not UTF-8");
  auto parsed = policy::parse_secret(engine, field);
  if (!parsed.secret) throw Failure("the password cannot be used: " + parsed.problem);
  return std::move(*parsed.secret);
}

}  // namespace smtpseal::cli
