// Known answers, computed before an Engine is handed out.
#pragma once

#include "smtpseal/crypto/engine.hpp"

namespace smtpseal::crypto {

// True when every algorithm gives its published answer.
[[nodiscard]] bool known_answers_hold(const Engine& engine);

}  // namespace smtpseal::crypto
