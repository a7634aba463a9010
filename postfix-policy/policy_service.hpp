// The answers to check_policy_service (SMTPD_POLICY_README): what may arrive how, which accounts may relay,
// and whether a delivery to a listed domain can work. Where it cannot judge it says nothing and closes the
// connection, as Postfix's documentation wants: Postfix then defers.
#pragma once

#include <string>

#include "policyd_metrics.hpp"
#include "smtpseal/config/params.hpp"
#include "smtpseal/daemon/inbound_settings.hpp"
#include "smtpseal/daemon/once_a_minute.hpp"
#include "smtpseal/daemon/policy_holder.hpp"
#include "smtpseal/daemon/socketmap_client.hpp"
#include "smtpseal/daemon/stream.hpp"
#include "smtpseal/policy/inbound.hpp"
#include "smtpseal/postfix/policy_request.hpp"

namespace smtpseal::policyd {

class PolicyService {
 public:
  // `routing` holds the domain map alone, `judging` the accounts too. All must outlive the object. Throws
  // daemon::StartupError for bad inbound.* parameters.
  PolicyService(const config::Values& values, const daemon::PolicyHolder& routing,
                const daemon::PolicyHolder& judging, const PolicydMetrics& metrics);

  // Answers one client of Postfix until it goes or misbehaves.
  daemon::Task<> serve(daemon::Stream stream);

 private:
  struct Action {
    PolicyAnswer answer;
    std::string text;
  };

  daemon::Task<Action> decide(const postfix::PolicyRequest& request);
  daemon::Task<policy::InboundVerdict> judge_client(const policy::PolicySet& set,
                                                    const postfix::PolicyRequest& request);
  daemon::Task<std::string> judge_recipient(const policy::PolicySet& set, std::string_view recipient);
  daemon::Task<Result<postfix::SocketmapReply>> ask(std::string map, std::string key);
  daemon::Task<std::optional<session::SessionSecurity>> ask_relay(const postfix::PolicyRequest& request);
  [[nodiscard]] policy::InboundVerdict judge(const policy::PolicySet& set,
                                             const postfix::PolicyRequest& request,
                                             const session::SessionSecurity& security) const;

  const daemon::PolicyHolder& routing_;
  const daemon::PolicyHolder& judging_;
  const PolicydMetrics& metrics_;
  policy::NetworkRules network_rules_;
  daemon::ExemptNetworks exempt_;
  std::optional<daemon::SocketmapClient> relay_;  // nothing: no relay stands before the mail server
  daemon::Seconds idle_;
  daemon::OnceAMinute unreachable_;
};

}  // namespace smtpseal::policyd
