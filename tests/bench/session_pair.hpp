// Two ends of one session for the benchmarks: ours on both, and gss-ntlmssp's on both, each with stored
// hashes.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "gss_peer.hpp"
#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/ntlm/filetime.hpp"
#include "smtpseal/ntlm/hashes.hpp"
#include "smtpseal/ntlm/server.hpp"

namespace smtpseal::bench {

inline constexpr const char* kPassword = "Secret-Pw1";

inline std::string upper_hex(ByteSpan bytes) {
  std::string text;
  for (const std::byte octet : bytes) {
    text += "0123456789ABCDEF"[std::to_integer<unsigned>(octet >> 4)];
    text += "0123456789ABCDEF"[std::to_integer<unsigned>(octet & std::byte{15})];
  }
  return text;
}

// NTLMv2, 128 bits, KEY_EXCH, MIC: what the profile `modern` agrees on.
class SessionPair {
 public:
  SessionPair() : outcome(handshake()) {}

  // Both sides of one whole exchange.
  [[nodiscard]] ntlm::Outcome handshake() const {
    const std::uint64_t now = ntlm::filetime_now();
    ntlm::Client client(engine,
                        {.domain = "INTELLINET",
                         .user = "Doug",
                         .workstation = "HONORS",
                         .nt_hash = hash.clone(),
                         .lm_hash = {}},
                        ntlm::modern_policy(true, 128), ntlm::draw_nonces(*engine));
    ntlm::Server server(engine, policy, ntlm::draw_server_nonce(*engine));
    const Bytes negotiate = client.negotiate().value();
    const Bytes challenge = server.challenge(negotiate, now).value();
    const Bytes authenticate = client.authenticate(challenge, now).value();
    server.claim(authenticate).value();
    return server.verify(ntlm::AccountSecret{&hash, nullptr}, {}, now).value();
  }

  const std::shared_ptr<const crypto::Engine> engine = crypto::Engine::create().value();
  const crypto::Key16 hash = ntlm::nt_hash(*engine, kPassword).value();
  const std::shared_ptr<const ntlm::ServerPolicy> policy =
      std::make_shared<const ntlm::ServerPolicy>(ntlm::ServerPolicy{.netbios_domain = "PARTNER",
                                                                    .netbios_computer = "MX",
                                                                    .dns_computer = "mx.partner.example",
                                                                    .dns_domain = "partner.example",
                                                                    .channel_bindings = {}});
  const ntlm::Outcome outcome;
};

class GssPair {
 public:
  GssPair() {
    std::string pattern = std::filesystem::temp_directory_path() / "smtpseal-bench-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = pattern;
    const auto engine = crypto::Engine::create().value();
    const std::string hash = upper_hex(ntlm::nt_hash(*engine, kPassword).value().octets());
    // smbpasswd(5): its format for stored hashes.
    std::ofstream(directory_ / "users")
        << "Doug:1000:AAD3B435B51404EEAAD3B435B51404EE:" << hash << ":[U          ]:LCT-00000000:\n";
    setenv("NTLM_USER_FILE", (directory_ / "users").c_str(), 1);
    setenv("NETBIOS_COMPUTER_NAME", "MX", 1);
    setenv("LM_COMPAT_LEVEL", "3", 1);
    unsetenv("NETBIOS_DOMAIN_NAME");
    credential_.emplace(testing::GssCredential::from_hash("Doug", hash));
  }
  ~GssPair() { std::filesystem::remove_all(directory_); }
  GssPair(const GssPair&) = delete;
  GssPair& operator=(const GssPair&) = delete;

  [[nodiscard]] testing::GssPeer initiator() const { return testing::GssPeer::initiator(*credential_); }
  static void establish(testing::GssPeer& client, testing::GssPeer& server) {
    auto token = client.step();
    while (token && !(client.is_established() && server.is_established())) {
      token = server.step(*token);
      if (token && !client.is_established()) token = client.step(*token);
    }
    if (!token) throw std::runtime_error("gss-ntlmssp: " + client.why() + server.why());
  }

 private:
  std::filesystem::path directory_;
  std::optional<testing::GssCredential> credential_;
};

}  // namespace smtpseal::bench
