// What every outbound session shares. One object for the whole relay; it outlives all sessions.
#pragma once

#include <memory>
#include <unordered_set>

#include "outbound/credential_gate.hpp"
#include "outbound/hop_registry.hpp"
#include "outbound/resolver.hpp"
#include "settings.hpp"
#include "smtpseal/crypto/engine.hpp"
#include "smtpseal/daemon/policy_holder.hpp"
#include "stage.hpp"

namespace smtpseal::relay {

class HopPool;
class LmtpSession;
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
  HopRegistry& hops;
  std::unordered_set<LmtpSession*> idle{};  // sessions that wait for a command outside a transaction
  Stage stage = Stage::serving;
};

// The same for sessions that are to be opened with other settings, which must outlive it.
inline OutboundContext with_settings(const OutboundContext& context, const Settings& settings) {
  return {context.io,  settings,     context.engine, context.policy,  context.resolver,
          context.tls, context.gate, context.pool,   context.metrics, context.hops,
          {},          context.stage};
}

}  // namespace smtpseal::relay
