// The libmilter callbacks: translation between libmilter and Session, and nothing else. Nothing is thrown
// into libmilter: whatever fails becomes a temporary failure.
#pragma once

#include <libmilter/mfapi.h>

#include <atomic>
#include <cstdint>

#include "milter_metrics.hpp"
#include "session.hpp"
#include "smtpseal/daemon/once_a_minute.hpp"
#include "smtpseal/daemon/policy_holder.hpp"

namespace smtpseal::milter {

// What all connections share. libmilter calls from many threads.
struct FilterContext {
  const SessionSettings& settings;
  const daemon::PolicyHolder& policy;
  AskRelay ask;
  const MilterMetrics& metrics;
  std::int64_t client_limit = 0;
  std::atomic<std::int64_t> connections = 0;  // that are served
  std::atomic<bool> stopping = false;         // new connections are answered with a temporary failure
  daemon::OnceAMinute limit_warning{};
};

// For smfi_register(). `context` must outlive libmilter, whose callbacks have no argument for it: there is
// one filter in a process.
[[nodiscard]] smfiDesc describe_filter(FilterContext& context);

}  // namespace smtpseal::milter
