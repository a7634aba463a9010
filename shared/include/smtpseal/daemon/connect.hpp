// Connecting with a deadline.
#pragma once

#include "smtpseal/daemon/async.hpp"
#include "smtpseal/daemon/endpoint.hpp"
#include "smtpseal/daemon/stream.hpp"

namespace smtpseal::daemon {

// Connects to `endpoint` within `timeout`. Errors: those of the socket, asio::error::timed_out.
Task<Result<Stream>> connect_within(Endpoint endpoint, Seconds timeout);

}  // namespace smtpseal::daemon
