// smtpseal-relay: the session layer that Postfix lacks. Outbound it takes LMTP from Postfix and delivers in
// sealed SMTP sessions; inbound it takes SMTP from anybody, authenticates and unseals, and hands the session
// to smtpd.
#pragma once

#include <memory>
#include <vector>

#include "inbound/context.hpp"
#include "inbound/tls_server.hpp"
#include "outbound/context.hpp"
#include "outbound/hop_pool.hpp"
#include "outbound/probe.hpp"
#include "outbound/tls_client.hpp"
#include "relay_metrics.hpp"
#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/daemon/endpoint.hpp"
#include "smtpseal/daemon/socketmap_server.hpp"
#include "smtpseal/metrics/metrics.hpp"
#include "smtpseal/metrics/policy_metrics.hpp"

namespace smtpseal::relay {

class Relay : public daemon::Service {
 public:
  // `values` must outlive the object. Throws daemon::StartupError.
  Relay(daemon::asio::io_context& io, const config::Values& values,
        const std::shared_ptr<const crypto::Engine>& engine);

  // What TLS needs: authorities, certificate and key. Throws daemon::StartupError.
  void load_certificates();

  void bind() override;
  void start() override;
  std::string reload() override;
  [[nodiscard]] control::TablesState tables() const override { return policy_.state(); }
  void add_controls(daemon::ControlServer& control) override;
  void stop() override;
  void finish() override;
  [[nodiscard]] bool is_drained() const override {
    return lmtp_clients_ == 0 && smtp_clients_ == 0 && !prober_.is_busy();
  }

 private:
  enum class Kind { lmtp, lmtp_seven_bit, smtp, query };
  struct Door {
    Kind kind;
    std::unique_ptr<daemon::Listener> listener;
  };
  void open_doors(const std::vector<std::string>& names, Kind kind, const daemon::SocketOwner& owner);
  daemon::Task<> serve(Kind kind, daemon::Socket socket, daemon::Endpoint peer);
  daemon::Task<> serve_lmtp(daemon::Stream stream, bool seven_bit);
  daemon::Task<> serve_smtp(daemon::Stream stream, TcpEndpoint client, TcpEndpoint server);
  [[nodiscard]] postfix::SocketmapReply answer(const postfix::SocketmapRequest& request) const;
  void load_tables();
  void refresh_metrics();
  [[nodiscard]] std::string next_id();

  daemon::asio::io_context& io_;
  const config::Values& values_;
  Settings settings_;
  metrics::Metrics metrics_;
  metrics::PolicyMetrics policy_metrics_;
  RelayMetrics counts_;
  daemon::PolicyHolder policy_;
  Resolver resolver_;
  TlsClient tls_client_;
  CredentialGate gate_;
  HopPool pool_;
  TlsServer tls_server_;
  policy::NetworkRules network_rules_;
  AddressLimits limits_;
  SessionRegistry sessions_;
  OutboundContext outbound_;
  Prober prober_;
  InboundContext inbound_;
  daemon::SocketmapAnswer answer_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::int64_t lmtp_clients_ = 0;
  std::int64_t smtp_clients_ = 0;
  std::uint64_t id_base_;
};

}  // namespace smtpseal::relay
