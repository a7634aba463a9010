// Both sides of a handshake with everything that may vary, for the tests of client and server.
#pragma once

#include <string>

#include "hex.hpp"
#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/ntlm/hashes.hpp"
#include "smtpseal/ntlm/server.hpp"

namespace smtpseal::testing {

inline constexpr std::uint64_t kNow = 134397530409635230;  // a FILETIME of the year 2026
inline constexpr std::uint64_t kMinute = std::uint64_t{60} * 10'000'000;

inline crypto::Key16 nt_of(std::string_view password) {
  return ntlm::nt_hash(*shared_engine(), password).value();
}

inline ntlm::ClientIdentity identity(std::string_view password = "Secret-Pw1") {
  return {.domain = "INTELLINET",
          .user = "Doug",
          .workstation = "HONORS",
          .nt_hash = nt_of(password),
          .lm_hash = ntlm::lm_hash(*shared_engine(), password)};
}

inline ntlm::ServerPolicy server_policy() {
  ntlm::ServerPolicy policy;
  policy.netbios_domain = "PARTNER";
  policy.netbios_computer = "MX";
  policy.dns_computer = "mx.partner.example";
  policy.dns_domain = "partner.example";
  return policy;
}

inline ntlm::Server make_server(ntlm::ServerPolicy policy = server_policy()) {
  return {shared_engine(), std::make_shared<const ntlm::ServerPolicy>(std::move(policy)),
          ntlm::draw_server_nonce(*shared_engine())};
}

inline ntlm::Client make_client(ntlm::ClientPolicy policy, ntlm::ClientIdentity who = identity()) {
  return {shared_engine(), std::move(who), std::move(policy), ntlm::draw_nonces(*shared_engine())};
}

inline constexpr ntlm::AccountRequirements kAnything{.minimum_response = ntlm::Response::lm,
                                                     .minimum_strength = 40};

// The account of identity() on the accepting side.
struct Account {
  crypto::Key16 nt = nt_of("Secret-Pw1");
  std::optional<crypto::Key16> lm = ntlm::lm_hash(*shared_engine(), "Secret-Pw1");
  [[nodiscard]] ntlm::AccountSecret secret() const { return {&nt, lm ? &*lm : nullptr}; }
};

// Runs a whole handshake; the server's verdict, or the first error of either side.
struct Handshake {
  ntlm::ClientPolicy client_policy;
  ntlm::ServerPolicy policy = server_policy();
  ntlm::AccountRequirements required = kAnything;
  std::uint64_t client_clock = kNow;

  Result<ntlm::Outcome> run(ntlm::Client& client, const std::optional<ntlm::AccountSecret>& secret) const {
    ntlm::Server server = make_server(policy);
    const auto negotiate = client.negotiate();
    if (!negotiate) return negotiate.error();
    const auto challenge = server.challenge(*negotiate, client_clock);
    if (!challenge) return challenge.error();
    const auto authenticate = client.authenticate(*challenge, client_clock);
    if (!authenticate) return authenticate.error();
    const auto claim = server.claim(*authenticate);
    if (!claim) return claim.error();
    return server.verify(secret, required, kNow);
  }
  Result<ntlm::Outcome> run() const {
    const Account account;
    ntlm::Client client = make_client(client_policy);
    return run(client, account.secret());
  }
};

}  // namespace smtpseal::testing
