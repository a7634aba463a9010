#include "secret_input.hpp"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>

#include "context.hpp"
#include "smtpseal/policy/checked_file.hpp"

namespace smtpseal::cli {
namespace {

constexpr std::size_t kMaxPassword = 1024;
constexpr std::size_t kShortPassword = 12;
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

// One line of standard input, without its end. Octet by octet, so that nothing behind the line is taken.
SecretText read_line() {
  std::string line;
  line.reserve(kMaxPassword + 1);  // never grows, so that no copy stays behind
  char c = 0;
  while (line.size() <= kMaxPassword) {
    const ssize_t count = ::read(STDIN_FILENO, &c, 1);
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
    line = read_line();
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

SecretText read_password(const std::string& account) {
  auto password = ::isatty(STDIN_FILENO) != 0 ? read_twice(account) : read_line();
  const auto text = password.reveal();
  if (text.find_first_not_of(" \t") == std::string_view::npos) throw Failure("a blank password is refused");
  if (text.size() > kMaxPassword) {
    throw Failure("the password has more than " + std::to_string(kMaxPassword) + " octets");
  }
  if (std::any_of(text.begin(), text.end(), is_control))
    throw Failure("the password holds a control character");
  if (text.size() < kShortPassword) {
    std::cerr << "warning: a password of less than " << kShortPassword
              << " characters can be found by trying, from one recorded login\n";
  }
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

std::string read_secret(const crypto::Engine& engine, const std::string& account, SecretForm form) {
  const auto password = read_password(account);
  if (form == SecretForm::clear) return clear_secret(engine, password.reveal());
  const bool with_lm = form == SecretForm::nt_and_lm;
  auto secret = policy::format_secret(engine, password.reveal(), with_lm);
  if (secret.empty()) throw Failure("the password is not UTF-8");
  if (with_lm && secret.find("{LM}") == std::string::npos) {
    std::cerr << "warning: this password has no LM hash: it is longer than 14 characters or not ASCII\n";
  }
  return secret;
}

namespace {

SecretText first_line_of(const std::string& file) {
  const auto checked = policy::read_checked_file(file, policy::Confidential::yes);
  if (!checked.text) throw Failure(checked.problem);
  const auto text = checked.text->reveal();
  std::string line(text.substr(0, text.find('\n')));
  if (line.ends_with('\r')) line.pop_back();
  return SecretText(std::move(line));
}

}  // namespace

policy::StoredSecret read_known_secret(const crypto::Engine& engine, const std::string& account,
                                       const std::string& file) {
  const bool is_asked = file.empty() && ::isatty(STDIN_FILENO) != 0;
  const auto given =
      is_asked ? ask("Password of " + account + ": ") : (file.empty() ? read_line() : first_line_of(file));
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
