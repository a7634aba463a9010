#include "table_editor.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <system_error>
#include <thread>

#include "atomic_file.hpp"
#include "output.hpp"
#include "reload.hpp"

namespace smtpseal::cli {
namespace {

using policy::Confidential;
using policy::PolicyFiles;
using policy::Problem;

// Locks the directory, since the file itself is replaced by every edit. Returns the descriptor that holds the
// lock.
int lock_directory(const std::string& directory) {
  constexpr auto kPause = std::chrono::milliseconds(100);
  constexpr int kAttempts = 100;
  const int lock = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0) throw Failure(directory + ": " + std::generic_category().message(errno));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
    std::this_thread::sleep_for(kPause);
  }
  ::close(lock);
  throw Failure("another smtpseal is editing the tables in " + directory);
}

SecretText read_table(const std::string& file, Confidential confidential) {
  auto read = policy::read_checked_file(file, confidential);
  if (read.missing) return {};
  if (!read.text) throw Failure(file + ": " + read.problem);
  return std::move(*read.text);
}

AtomicFile::Fresh fresh_file(Confidential confidential) {
  if (confidential == Confidential::yes) return {0640, "smtpseal", 0600};
  return {0644, {}, 0644};
}

// Line numbers shift with every edit, so a problem is known by its file and text.
std::set<std::string> problem_keys(const std::vector<Problem>& problems) {
  std::set<std::string> keys;
  for (const auto& problem : problems) keys.insert(problem.origin.file + ": " + problem.text);
  return keys;
}

// A load that read the new text from its temporary place, told as if it already were in place.
void rename_origins(policy::PolicyLoad& load, const std::string& from, const std::string& to) {
  const auto replace_all = [&](std::string& text) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  };
  for (auto& problem : load.problems) {
    if (problem.origin.file == from) problem.origin.file = to;
    replace_all(problem.text);
  }
  for (auto& warning : load.warnings) replace_all(warning);
}

std::vector<Problem> added_problems(const std::vector<Problem>& before, const std::vector<Problem>& after) {
  const auto known = problem_keys(before);
  std::vector<Problem> added;
  std::copy_if(after.begin(), after.end(), std::back_inserter(added), [&](const Problem& problem) {
    return !known.contains(problem.origin.file + ": " + problem.text);
  });
  return added;
}

// A warning is "file:line: text"; what it says is known by its text.
std::string warning_key(const std::string& warning) {
  return warning.substr(std::min(warning.find(": "), warning.size()));
}

std::vector<std::string> added_warnings(const std::vector<std::string>& before,
                                        const std::vector<std::string>& after) {
  std::set<std::string> known;
  for (const auto& warning : before) known.insert(warning_key(warning));
  std::vector<std::string> added;
  std::copy_if(after.begin(), after.end(), std::back_inserter(added),
               [&](const std::string& warning) { return !known.contains(warning_key(warning)); });
  return added;
}

// Says in one line which daemons use the edited tables. Returns the exit status.
int reload_and_tell(Context& context) {
  using Kind = ReloadResult::Kind;
  std::string reloaded;
  std::string refused;
  for (const auto& each : context.no_reload ? std::vector<ReloadResult>() : reload_daemons(context)) {
    if (each.kind == Kind::reloaded) reloaded += (reloaded.empty() ? "" : ", ") + each.daemon;
    if (each.kind == Kind::refused) refused += (refused.empty() ? "" : "; ") + each.daemon + ": " + each.text;
  }
  if (!refused.empty()) {
    std::cout << "OK: the rules are valid. NOT RELOADED: " << refused << '\n';
    return kProblem;
  }
  std::cout << "OK: the rules are valid; "
            << (reloaded.empty() ? "daemons take them at their next reload" : "reloaded: " + reloaded)
            << '\n';
  return kSuccess;
}

void require_one_line(std::string_view text) {
  const auto breaks_line = [](char c) { return c == '\n' || c == '\r' || c == '\0'; };
  if (std::any_of(text.begin(), text.end(), breaks_line))
    throw Failure("an entry is one line; nothing was changed");
}

}  // namespace

TableEditor::TableEditor(Context& context, Member table)
    : context_(context),
      table_(table),
      file_(context.files().*table),
      confidential_(table == &PolicyFiles::domains ? Confidential::no : Confidential::yes),
      lock_(lock_directory(directory_of(file_))) {
  try {
    text_ = read_table(file_, confidential_);
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

TableEditor::~TableEditor() {
  ::close(lock_);
}

std::optional<policy::TableLine> TableEditor::find(
    const std::function<bool(std::string_view)>& matches) const {
  std::optional<policy::TableLine> found;
  std::vector<Problem> ignored;
  policy::for_each_entry(text_.reveal(), file_, ignored, [&](const policy::TableLine& line) {
    const auto word = policy::FieldReader(line.text, policy::TrailingComments::no).word();
    if (!word || !matches(*word)) return;
    if (found) {
      throw Failure(file_ + " has this entry in lines " + std::to_string(found->number) + " and " +
                    std::to_string(line.number) + "; edit it by hand");
    }
    found = line;
  });
  return found;
}

void TableEditor::splice(std::size_t offset, std::size_t size, std::string_view with) {
  const auto old = text_.reveal();
  std::string text;
  text.reserve(old.size() + with.size());  // allocated once, so that no copy of a secret stays behind
  text.append(old.substr(0, offset)).append(with).append(old.substr(offset + size));
  text_ = SecretText(std::move(text));
}

void TableEditor::append_line(std::string_view line) {
  require_one_line(line);
  const auto old = text_.reveal();
  std::string added;
  added.reserve(line.size() + 2);
  if (!old.empty() && !old.ends_with('\n')) added += '\n';
  added.append(line) += '\n';
  splice(old.size(), 0, added);
  wipe(added.data(), added.size());
}

void TableEditor::remove_line(const policy::TableLine& line) {
  splice(line.offset, line.size, {});
}

void TableEditor::replace(std::string_view part, std::string_view with) {
  require_one_line(with);
  splice(static_cast<std::size_t>(part.data() - text_.reveal().data()), part.size(), with);
}

int TableEditor::commit(const std::string& done) {
  auto files = context_.files();
  const auto before = context_.load(files);
  AtomicFile new_file(file_, fresh_file(confidential_));
  new_file.write(text_.reveal());
  files.*table_ = new_file.temporary_path();
  auto after = context_.load(files);
  rename_origins(after, new_file.temporary_path(), file_);

  if (const auto added = added_problems(before.problems, after.problems); !added.empty()) {
    print_problems(std::cerr, added);
    throw Failure("refused, since the rules could not be used then; nothing was changed");
  }
  new_file.commit();
  std::cout << done << '\n';
  print_problems(std::cout, after.problems);
  print_warnings(std::cout, added_warnings(before.warnings, after.warnings));
  if (!after.problems.empty()) {
    std::cout << "NOT OK: " << counted(after.problems.size(), "problem")
              << " left from before; daemons keep their old rules\n";
    return kProblem;
  }
  return reload_and_tell(context_);
}

void add_no_reload_option(CLI::App& command, Context& context) {
  command.add_flag("--no-reload", context.no_reload, "Do not make the running daemons read the tables");
}

std::function<bool(std::string_view)> is_account(const std::string& account) {
  return [folded = policy::folded_account(account)](std::string_view word) {
    return policy::folded_account(word) == folded;
  };
}

void refuse_where_named(Context& context, const std::string& account, const std::string& name,
                        std::string policy::DomainRule::*attribute) {
  const auto load = context.load(context.domains_only());
  if (!load.set) return;  // commit() tells
  const auto is_it = is_account(account);
  for (const auto& rule : load.set->domains.rules()) {
    if (!(rule.*attribute).empty() && is_it(rule.*attribute))
      throw Failure(rule.origin.text() + ": " + rule.pattern + " has " + name + "=" + account +
                    "; change that first: smtpseal domain set or remove '" + rule.pattern +
                    "'; nothing was changed");
  }
}

std::string quoted_if_needed(std::string_view word) {
  const bool plain =
      !word.empty() && word.find_first_of(" \t") == std::string_view::npos && word.front() != '#';
  return plain ? std::string(word) : "\"" + std::string(word) + "\"";
}

std::string attribute_text(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos) throw Failure("an attribute must have the form name=value: " + argument);
  return argument.substr(0, equals + 1) + quoted_if_needed(std::string_view(argument).substr(equals + 1));
}

}  // namespace smtpseal::cli
