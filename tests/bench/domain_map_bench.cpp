// Loading and asking the domain map, small and large. A lookup is to cost the same however large the map is.
#include <benchmark/benchmark.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "smtpseal/policy/domain_map.hpp"

namespace {

using namespace smtpseal::policy;

// Every other entry covers subdomains.
std::string domains_file(std::int64_t entries) {
  std::string text;
  for (std::int64_t i = 0; i < entries; ++i) {
    if (i % 2 != 0) text += '.';
    text += "partner" + std::to_string(i) + ".example  seal  account=CORP\\MX\n";
  }
  return text;
}

DomainMap load(const std::string& text) {
  std::vector<Problem> problems;
  DomainMap map = DomainMap::parse(text, "domains", problems);
  if (!problems.empty()) throw std::runtime_error(problems.front().message());
  return map;
}

void load_map(benchmark::State& state) {
  const std::string text = domains_file(state.range(0));
  while (state.KeepRunning()) benchmark::DoNotOptimize(load(text));
}
BENCHMARK(load_map)->Arg(100)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

// The three kinds of answer in turn: listed itself, below a listed parent, not listed.
void look_up(benchmark::State& state) {
  const DomainMap map = load(domains_file(state.range(0)));
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < 256; ++i) {
    const std::string number = std::to_string(i * state.range(0) / 256 / 2 * 2);
    const std::string next = std::to_string(i * state.range(0) / 256 / 2 * 2 + 1);
    names.push_back("partner" + number + ".example");
    names.push_back("mail.berlin.partner" + next + ".example");
    names.push_back("mail.stranger" + number + ".example");
  }
  std::size_t at = 0;
  std::size_t found = 0;
  while (state.KeepRunning()) {
    found += map.find(names[at]) != nullptr ? 1 : 0;
    at = at + 1 == names.size() ? 0 : at + 1;
  }
  if (found == 0) throw std::runtime_error("nothing was found");
}
BENCHMARK(look_up)->Arg(100)->Arg(10'000)->Arg(100'000);

}  // namespace
