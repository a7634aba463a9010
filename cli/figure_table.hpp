// The figures of a daemon for people.
#pragma once

#include <string>
#include <vector>

#include "smtpseal/control/figures.hpp"

namespace smtpseal::cli {

struct FigureRow {
  std::string figure;  // "sessions"
  std::string of;      // "inbound, sealed"; empty: it has no labels
  std::string value;   // "12", "2026-11-30 21:40:02", "4 times, 0.12 s on average, 95% within 0.5 s"

  auto operator<=>(const FigureRow&) const = default;
};

// In the families' order, within one by label. Counts of zero are left out, states are not.
std::vector<FigureRow> figure_rows(const std::vector<control::Family>& families);

// "smtpseal-relay 0.1.0, since 2026-11-30 21:40:02".
std::string figure_heading(const std::vector<control::Family>& families);

}  // namespace smtpseal::cli
