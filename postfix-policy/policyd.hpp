// smtpseal-policyd: answers Postfix's socketmap lookups from the domain map. One coroutine a connection; a
// slow client delays nobody. Without a trustworthy map every answer is TEMP.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/daemon/endpoint.hpp"
#include "smtpseal/daemon/policy_holder.hpp"
#include "smtpseal/daemon/stream.hpp"
#include "smtpseal/policy/transport_table.hpp"

namespace smtpseal::policyd {

class Policyd : public daemon::Service {
 public:
  // `values` must outlive the object.
  Policyd(daemon::asio::io_context& io, const config::Values& values,
          std::shared_ptr<const crypto::Engine> engine);

  void bind() override;
  void start() override;
  void reload() override;
  void stop() override;
  [[nodiscard]] bool is_drained() const override { return clients_ == 0; }

 private:
  void admit(daemon::Socket socket);
  daemon::Task<> serve(daemon::Stream stream);
  [[nodiscard]] postfix::SocketmapReply answer(const postfix::SocketmapRequest& request) const;

  daemon::asio::io_context& io_;
  const config::Values& values_;
  daemon::PolicyHolder policy_;
  policy::TransportTargets targets_;
  std::vector<std::unique_ptr<daemon::Listener>> listeners_;
  std::int64_t clients_ = 0;
};

}  // namespace smtpseal::policyd
