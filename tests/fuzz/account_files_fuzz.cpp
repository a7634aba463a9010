// The credentials and accounts files. What is wrong with them is said without the secret, in one line.
#include <algorithm>

#include "fuzz.hpp"
#include "smtpseal/policy/account_files.hpp"

using namespace smtpseal;
using fuzz::require;

namespace {

const crypto::Engine& engine() {
  static const auto instance = crypto::Engine::create().value();
  return *instance;
}

void check_problems(const std::vector<policy::Problem>& problems) {
  for (const policy::Problem& problem : problems) {
    require(problem.message().find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  std::vector<policy::Problem> problems;
  const auto credentials = policy::Credentials::parse(engine(), text, "credentials", problems);
  check_problems(problems);
  if (problems.empty()) {
    for (const auto& entry : credentials.entries()) require(credentials.find(entry.account) != nullptr);
  }
  problems.clear();
  const auto accounts = policy::Accounts::parse(engine(), text, "accounts", problems);
  check_problems(problems);
  if (problems.empty()) {
    for (const auto& entry : accounts.entries()) require(accounts.find(entry.account) != nullptr);
  }
  (void)policy::parse_secret(engine(), text);
  return 0;
}
