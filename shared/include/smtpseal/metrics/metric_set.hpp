// Metrics with labels, one for every combination of the labels' values, all made at the start: counting an
// event looks nothing up, and no label can take a value that came from outside.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <array>
#include <cstddef>
#include <string>
#include <type_traits>

namespace smtpseal::metrics {

// An enumeration that is a label, to be specialised: its name, and the values' names in the order of the
// enumerators, which count from 0.
//   static constexpr const char* name = "direction";
//   static constexpr std::array values{"inbound", "outbound"};
template <class Enum>
struct Label;

template <class Metric, class... Enums>
class MetricSet {
 public:
  // `registry` must outlive the object.
  MetricSet(prometheus::Registry& registry, const std::string& name, const std::string& help) {
    auto& family = builder().Name(name).Help(help).Register(registry);
    for (std::size_t cell = 0; cell < kCells; ++cell) cells_.at(cell) = &family.Add(labels_of(cell));
  }

  // The metric itself is safe from any thread.
  [[nodiscard]] Metric& operator()(Enums... values) const {
    std::size_t cell = 0;
    ((cell = cell * Label<Enums>::values.size() + static_cast<std::size_t>(values)), ...);
    return *cells_.at(cell);
  }

 private:
  static constexpr std::size_t kCells = (std::size_t{1} * ... * Label<Enums>::values.size());

  static auto builder() {
    if constexpr (std::is_same_v<Metric, prometheus::Counter>)
      return prometheus::BuildCounter();
    else
      return prometheus::BuildGauge();
  }

  // The last label changes with every cell, the first one least often.
  static prometheus::Labels labels_of([[maybe_unused]] std::size_t cell) {
    prometheus::Labels labels;
    [[maybe_unused]] std::size_t below = kCells;
    [[maybe_unused]] const auto add = [&](const char* name, const auto& values) {
      below /= values.size();
      labels.emplace(name, values.at(cell / below % values.size()));
    };
    (add(Label<Enums>::name, Label<Enums>::values), ...);
    return labels;
  }

  std::array<Metric*, kCells> cells_;
};

template <class... Enums>
using Counters = MetricSet<prometheus::Counter, Enums...>;
template <class... Enums>
using Gauges = MetricSet<prometheus::Gauge, Enums...>;

// Counts in a gauge for as long as it lives.
class Present {
 public:
  explicit Present(prometheus::Gauge& gauge) : gauge_(gauge) { gauge_.Increment(); }
  Present(const Present&) = delete;
  Present& operator=(const Present&) = delete;
  ~Present() { gauge_.Decrement(); }

 private:
  prometheus::Gauge& gauge_;
};

}  // namespace smtpseal::metrics
