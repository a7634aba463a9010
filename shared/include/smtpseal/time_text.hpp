// Points in time, in seconds since 1970, as text.
#pragma once

#include <cstdint>
#include <string>

namespace smtpseal {

// For logs: "2026-11-30T18:53:33Z".
std::string utc_time_text(std::int64_t seconds);
// For people at this host: "2026-11-30 19:53:33".
std::string local_time_text(std::int64_t seconds);

}  // namespace smtpseal
