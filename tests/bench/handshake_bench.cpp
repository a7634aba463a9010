// Whole NTLMv2 exchanges, both sides, with stored hashes: ours against gss-ntlmssp's.
#include <benchmark/benchmark.h>

#include "gss_peer.hpp"
#include "session_pair.hpp"
#include "smtpseal/ntlm/seal_context.hpp"

namespace {

using namespace smtpseal;

void smtpseal_handshake(benchmark::State& state) {
  const bench::SessionPair pair;
  while (state.KeepRunning()) {
    const ntlm::Outcome outcome = pair.handshake();
    // gss-ntlmssp makes the sealing keys as part of its last step, so they count here too, on both sides.
    const ntlm::SealContext client(*pair.engine, ntlm::Role::client, outcome.flags,
                                   outcome.exported_session_key.octets());
    const ntlm::SealContext server(*pair.engine, ntlm::Role::server, outcome.flags,
                                   outcome.exported_session_key.octets());
    benchmark::DoNotOptimize(&client);
    benchmark::DoNotOptimize(&server);
  }
}
BENCHMARK(smtpseal_handshake);

void gss_handshake(benchmark::State& state) {
  const bench::GssPair pair;
  while (state.KeepRunning()) {
    testing::GssPeer client = pair.initiator();
    testing::GssPeer server = testing::GssPeer::acceptor();
    bench::GssPair::establish(client, server);
  }
}
BENCHMARK(gss_handshake);

}  // namespace
