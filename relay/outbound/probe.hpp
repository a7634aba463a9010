// What `smtpseal probe` asks for: a session with a next hop as mail would get it, with the relay's own rules,
// credentials, holds and resolver, up to NOOP and never any mail. Its login counts as one for the holds.
#pragma once

#include <string>

#include "outbound/context.hpp"
#include "outbound/failure.hpp"
#include "smtpseal/control/probe_report.hpp"
#include "smtpseal/postfix/socketmap.hpp"

namespace smtpseal::relay {

class Prober {
 public:
  // `context` must outlive the object and its coroutines.
  explicit Prober(OutboundContext& context) : context_(context) {}

  // The answer to map `probe` with a ProbeRequest as key: a ProbeReport. TEMP while another probe runs, PERM
  // to what is no request. A session of its own each time, never one of the pool. `log_id` joins the log
  // lines.
  daemon::Task<postfix::SocketmapReply> answer(postfix::SocketmapRequest request, std::string log_id);

  [[nodiscard]] bool is_busy() const { return is_busy_; }

 private:
  OutboundContext& context_;
  bool is_busy_ = false;
};

// What a failure means, and what to do about it. Pure.
struct Finding {
  std::string verdict;
  std::string mend;
};
Finding explain_to_administrator(const Failure& failure, const policy::DomainRule& rule);

}  // namespace smtpseal::relay
