#include "smtpseal/holds/hold_file.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <set>

#include "../descriptor.hpp"
#include "../name_values.hpp"
#include "smtpseal/policy/table_text.hpp"

namespace smtpseal::holds {
namespace {

constexpr std::string_view kFirstLine = "smtpseal-holds 1\n";
constexpr std::string_view kLastLine = "end ";
constexpr std::size_t kLastLineSize = kLastLine.size() + 8 + 1;
constexpr std::size_t kMaxFile = std::size_t{8} * 1024 * 1024;  // more than kMaxHolds can take

ErrorCode last_error() {
  return {errno, boost::system::system_category()};
}

std::string last_line(std::string_view before) {
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", crypto::crc32(0, as_bytes(before)));
  return std::string(kLastLine) + digits.data() + "\n";
}

std::optional<StoredHold> parse_line(std::string_view line) {
  constexpr std::string_view kSecret = "secret=";
  const std::size_t end = line.find(' ');
  if (!line.starts_with(kSecret) || end == std::string_view::npos) return std::nullopt;
  const auto mark_text = line.substr(kSecret.size(), end - kSecret.size());
  auto mark = SecretMark::parse(mark_text);
  auto hold = parse_hold(line.substr(end + 1));
  if (!hold || (!mark && !mark_text.empty())) return std::nullopt;
  return StoredHold{std::move(*hold), mark};
}

Result<> write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<> write_new(const std::string& path, std::string_view text) {
  ::unlink(path.c_str());  // what a crash has left
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.number() < 0) return last_error();
  if (const auto written = write_all(file.number(), text); !written) return written;
  if (::fsync(file.number()) != 0) return last_error();
  return {};
}

HoldFile::Content failed(std::string problem, bool missing = false) {
  return {std::nullopt, std::move(problem), missing};
}

// Empty where the octets could not be read.
std::string read_up_to(int descriptor, std::size_t size) {
  std::string text(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t count = ::read(descriptor, text.data() + filled, size - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    filled += static_cast<std::size_t>(count);
  }
  text.resize(filled);
  return text;
}

}  // namespace

std::string format_holds(std::span<const StoredHold> holds) {
  std::string text(kFirstLine);
  for (const auto& [hold, secret] : holds)
    text += "secret=" + (secret ? secret->text() : std::string()) + " " + format_hold(hold) + "\n";
  return text + last_line(text);
}

std::optional<std::vector<StoredHold>> parse_holds(std::string_view text) {
  if (!text.starts_with(kFirstLine) || text.size() < kFirstLine.size() + kLastLineSize) return std::nullopt;
  const auto before = text.substr(0, text.size() - kLastLineSize);
  if (text.substr(before.size()) != last_line(before)) return std::nullopt;
  std::vector<StoredHold> holds;
  std::set<std::string> accounts;
  for (auto lines = before.substr(kFirstLine.size()); !lines.empty();) {
    const std::size_t end = lines.find('\n');
    auto stored = end == std::string_view::npos ? std::nullopt : parse_line(lines.substr(0, end));
    if (!stored || holds.size() == kMaxHolds) return std::nullopt;
    if (!accounts.insert(policy::folded_account(stored->hold.account)).second) return std::nullopt;
    holds.push_back(std::move(*stored));
    lines.remove_prefix(end + 1);
  }
  return holds;
}

Result<> HoldFile::make_directory(const std::string& user) const {
  if (::mkdir(directory_.c_str(), 0700) != 0) return errno == EEXIST ? Result<>() : last_error();
  if (user.empty() || ::geteuid() != 0) return {};
  const passwd* entry = ::getpwnam(user.c_str());
  // What was made, whatever has taken its place meanwhile: the directory above may be somebody's.
  const Descriptor made(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (made.number() < 0) return last_error();
  if (entry != nullptr && ::fchown(made.number(), entry->pw_uid, entry->pw_gid) != 0) return last_error();
  return {};
}

HoldFile::Content HoldFile::read() const {
  const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW));
  if (file.number() < 0) return failed(last_error().message(), errno == ENOENT);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return failed(last_error().message());
  if (!S_ISREG(status.st_mode)) return failed("it is not a regular file");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return failed("others may write it");
  if (static_cast<std::size_t>(status.st_size) > kMaxFile) return failed("it is too large");
  auto holds = parse_holds(read_up_to(file.number(), static_cast<std::size_t>(status.st_size)));
  if (!holds) return failed("it is damaged, or of another version");
  return {std::move(holds), {}, false};
}

Result<> HoldFile::write(std::span<const StoredHold> holds) const {
  const std::string temporary = path_ + ".new";
  if (const auto written = write_new(temporary, format_holds(holds)); !written) return written;
  if (std::rename(temporary.c_str(), path_.c_str()) != 0) return last_error();
  // The rename is done; where the directory cannot be synced, a power cut may at worst bring the old file
  // back.
  const Descriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.number() >= 0) ::fsync(directory.number());
  return {};
}

}  // namespace smtpseal::holds
