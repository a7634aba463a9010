#include "outbound/hop_observer.hpp"

namespace smtpseal::relay {

namespace {

class Nobody final : public HopObserver {
 public:
  void on_step(std::string_view, const std::optional<Failure>&, std::string) override {}
  [[nodiscard]] bool may_go_on() const override { return true; }
};

}  // namespace

HopObserver& HopObserver::nobody() {
  static Nobody instance;
  return instance;
}

}  // namespace smtpseal::relay
