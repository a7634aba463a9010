#include "outbound/hop_registry.hpp"

#include "outbound/hop_session.hpp"

namespace smtpseal::relay {

void HopRegistry::report(std::vector<control::SessionInfo>& list, std::size_t most) const {
  for (const auto* session : sessions_) {
    if (list.size() >= most) return;
    list.push_back(session->info());
  }
}

}  // namespace smtpseal::relay
