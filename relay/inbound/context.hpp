// What every inbound session shares. One object for the whole relay; it outlives all sessions.
#pragma once

#include <memory>
#include <optional>
#include <unordered_set>

#include "inbound/address_limits.hpp"
#include "inbound/session_registry.hpp"
#include "outbound/resolver.hpp"
#include "settings.hpp"
#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/daemon/policy_holder.hpp"
#include "smtpseal/policy/network_rules.hpp"
#include "smtpseal/smtp/ehlo.hpp"

namespace smtpseal::relay {

class SmtpSession;
class TlsServer;
struct RelayMetrics;

struct InboundContext {
  daemon::asio::io_context& io;
  const Settings& settings;
  std::shared_ptr<const crypto::Engine> engine;
  daemon::PolicyHolder& policy;
  Resolver& resolver;
  const TlsServer& tls;
  const policy::NetworkRules& network_rules;
  AddressLimits& limits;
  SessionRegistry& sessions;
  const RelayMetrics& metrics;
  std::unordered_set<SmtpSession*> idle;   // sessions that wait for a command outside a transaction
  bool stopping = false;                   // the daemon is to end: sessions close when they are idle
  std::optional<smtp::Ehlo> smtpd_offers;  // as smtpd last said; refreshed by every session with it
};

}  // namespace smtpseal::relay
