// The sessions with next hops that are open, for who wants to see them.
#pragma once

#include <unordered_set>
#include <vector>

#include "smtpseal/control/session_list.hpp"

namespace smtpseal::relay {

class HopSession;

class HopRegistry {
 public:
  void add(const HopSession* session) { sessions_.insert(session); }
  void remove(const HopSession* session) { sessions_.erase(session); }
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }
  // Adds them to `list`, until it has `most`.
  void report(std::vector<control::SessionInfo>& list, std::size_t most) const;

 private:
  std::unordered_set<const HopSession*> sessions_;
};

}  // namespace smtpseal::relay
