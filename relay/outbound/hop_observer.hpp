// Who is told what a session with a next hop does while it opens: `smtpseal probe`. Mail has nobody watch.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "outbound/failure.hpp"

namespace smtpseal::relay {

class HopObserver {
 public:
  virtual ~HopObserver() = default;
  // A step has ended, with `failure` or well; `detail` is what was found, with the words of the peer. With a
  // failure it is what was found nevertheless.
  virtual void on_step(std::string_view name, const std::optional<Failure>& failure, std::string detail) = 0;
  // Asked before a host is tried; no ends the attempt.
  [[nodiscard]] virtual bool may_go_on() const = 0;

  // Takes no notice of anything.
  static HopObserver& nobody();
};

}  // namespace smtpseal::relay
