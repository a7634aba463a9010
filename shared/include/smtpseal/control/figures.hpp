// The figures of a running daemon, as its control socket tells them (map `stats`): the text format of
// Prometheus, version 0.0.4. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace smtpseal::control {

struct Sample {
  std::string name;  // that of the family, or with _bucket, _sum or _count behind it
  std::vector<std::pair<std::string, std::string>> labels;  // as written
  double value = 0;

  // Empty where there is no such label.
  [[nodiscard]] std::string_view label(std::string_view name) const;
};

struct Family {
  std::string name;
  std::string help;
  std::string type;  // "counter", "gauge", "histogram"
  std::vector<Sample> samples;
};

// nullopt: it is not in the format, or in a part of it that the daemons do not use: samples without # TYPE
// before them, timestamps, characters beyond printable ASCII.
[[nodiscard]] std::optional<std::vector<Family>> parse_figures(std::string_view text);

}  // namespace smtpseal::control
