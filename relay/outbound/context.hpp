// What every outbound session shares. One object for the whole relay; it outlives all sessions.
#pragma once

#include <memory>

#include "outbound/credential_gate.hpp"
#include "outbound/resolver.hpp"
#include "settings.hpp"
#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/daemon/policy_holder.hpp"

namespace smtpseal::relay {

class HopPool;
class TlsClient;
struct RelayMetrics;

struct OutboundContext {
  daemon::asio::io_context& io;
  const Settings& settings;
  std::shared_ptr<const crypto::Engine> engine;
  daemon::PolicyHolder& policy;
  Resolver& resolver;
  const TlsClient& tls;
  CredentialGate& gate;
  HopPool& pool;
  const RelayMetrics& metrics;
  bool stopping = false;  // the daemon is to end: no new transaction
};

// The same for sessions that are to be opened with other settings, which must outlive it.
inline OutboundContext with_settings(const OutboundContext& context, const Settings& settings) {
  return {context.io,  settings,     context.engine, context.policy,  context.resolver,
          context.tls, context.gate, context.pool,   context.metrics, context.stopping};
}

}  // namespace smtpseal::relay
