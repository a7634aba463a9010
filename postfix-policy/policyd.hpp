// smtpseal-policyd: answers mail servers from the domain map, as a socketmap server (map `transport` for
// Postfix, `mailertable` or `smtpseal` for Sendmail, `query` for people) and as a policy server
// (check_policy_service). One coroutine a connection; a slow client delays nobody. Without a trustworthy map
// every socketmap answer is TEMP, and no policy request is answered.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policy_service.hpp"
#include "policyd_metrics.hpp"
#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/daemon/endpoint.hpp"
#include "smtpseal/daemon/policy_holder.hpp"
#include "smtpseal/daemon/socketmap_server.hpp"
#include "smtpseal/daemon/stream.hpp"
#include "smtpseal/metrics/metrics.hpp"
#include "smtpseal/metrics/policy_metrics.hpp"
#include "smtpseal/policy/sendmail_tables.hpp"
#include "smtpseal/policy/transport_table.hpp"

namespace smtpseal::policyd {

class Policyd : public daemon::Service {
 public:
  // `values` must outlive the object. Throws daemon::StartupError.
  Policyd(daemon::asio::io_context& io, const config::Values& values,
          const std::shared_ptr<const crypto::Engine>& engine);

  void bind() override;
  void start() override;
  std::string reload() override;
  void add_controls(daemon::ControlServer& control) override;
  [[nodiscard]] control::TablesState tables() const override;
  void stop() override;
  [[nodiscard]] bool is_drained() const override { return clients_ == 0; }

 private:
  enum class Protocol { socketmap, policy };
  struct Door {
    Protocol protocol;
    std::unique_ptr<daemon::Listener> listener;
  };
  void refresh_metrics();
  void open_doors(const char* parameter, Protocol protocol, const daemon::SocketOwner& owner);
  void admit(Protocol protocol, daemon::Socket socket);
  daemon::Task<> serve(Protocol protocol, daemon::Stream stream);
  [[nodiscard]] postfix::SocketmapReply answer(const postfix::SocketmapRequest& request) const;
  [[nodiscard]] postfix::SocketmapReply answer_from(const policy::PolicySet& set,
                                                    const postfix::SocketmapRequest& request) const;

  daemon::asio::io_context& io_;
  const config::Values& values_;
  metrics::Metrics metrics_;
  metrics::PolicyMetrics policy_metrics_;
  PolicydMetrics counts_;
  // Where the tables can be used together, both hold the same set; where they cannot, the domain map alone
  // may still do, so that a mistake in the accounts file does not stop the routing of outgoing mail.
  daemon::PolicyHolder routing_;
  daemon::PolicyHolder judging_;
  policy::TransportTargets targets_;
  policy::MailerNames mailers_;
  PolicyService policy_service_;
  daemon::SocketmapAnswer answer_;
  std::vector<Door> doors_;
  std::int64_t clients_ = 0;
};

}  // namespace smtpseal::policyd
