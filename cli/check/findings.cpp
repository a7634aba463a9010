#include "findings.hpp"

#include <algorithm>

namespace smtpseal::cli {

std::string_view name(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::problem:
      return "problem";
  }
  return {};
}

std::size_t Findings::count(Severity severity) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(all_, [&](const Finding& each) { return each.severity == severity; }));
}

}  // namespace smtpseal::cli
