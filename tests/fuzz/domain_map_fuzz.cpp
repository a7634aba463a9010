// The domains file. Where it is accepted, every rule is found under its own pattern.
#include "fuzz.hpp"
#include "smtpseal/policy/domain_map.hpp"

using namespace smtpseal;
using fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<policy::Problem> problems;
  const auto map = policy::DomainMap::parse(fuzz::text(data, size), "domains", problems);
  for (const policy::Problem& problem : problems) {
    require(problem.message().find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  if (!problems.empty()) return 0;
  for (const policy::DomainRule& rule : map.rules()) {
    (void)rule.weaknesses();
    const bool is_parent = rule.pattern.starts_with('.');
    require(map.find(is_parent ? "x" + rule.pattern : rule.pattern) != nullptr);
  }
  return 0;
}
