// The queue id in smtpd's reply to the end of data, for the log. Pure.
#pragma once

#include <string>

#include "smtpseal/smtp/reply.hpp"

namespace smtpseal::relay {

// X of "250 2.0.0 Ok: queued as X", where X is what Postfix makes queue ids of; empty for any other reply.
std::string queue_id_of(const smtp::Reply& reply);

}  // namespace smtpseal::relay
