// A session report as lines for a terminal. What came from the wire is escaped.
#pragma once

#include <ostream>

#include "session.hpp"

namespace smtpseal::analyze {

struct TextOptions {
  bool full = false;  // all lines of messages, and lines of any length
};

void print_session(std::ostream& to, std::size_t number, const SessionReport& report,
                   const TextOptions& options);

// What to think of it, in one line.
std::string verdict(const SessionReport& report);
// "be-leading, shared RC4 state, key as agreed".
std::string text(const Variant& variant);
// "each way" with extended session security, else "shared" or "separate".
std::string_view state_name(const Variant& variant);

}  // namespace smtpseal::analyze
