// Makes the running daemons read their tables anew.
#pragma once

#include <string>
#include <vector>

#include "context.hpp"

namespace smtpseal::cli {

struct ReloadResult {
  enum class Kind { reloaded, not_running, refused };
  std::string daemon;  // "relay"
  Kind kind = Kind::reloaded;
  std::string text;  // what it uses now, or why it keeps what it had
};

// Asks every daemon that has a control socket. Throws Failure where the configuration cannot be used.
std::vector<ReloadResult> reload_daemons(Context& context);

}  // namespace smtpseal::cli
