#include "postfix_view.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "socket_questions.hpp"

namespace smtpseal::cli {

PostfixView::PostfixView(const PostfixSetup& setup, Findings& findings)
    : setup_(setup), findings_(findings), owner_(identity_of(setup.value("mail_owner"))) {}

void PostfixView::try_out(const PostfixService& service, const std::string& endpoint,
                          const std::string& daemon, const Question& question) {
  const auto& queue = setup_.queue_directory();
  const Place place = service.chrooted ? Place{queue, "/"} : Place{{}, queue};
  if (!owner_ || !can_run_as(*owner_, place)) {
    if (!has_told_)
      findings_.note("whether Postfix reaches the daemons is not known", "run smtpseal check as root");
    has_told_ = true;
    return;
  }
  const auto who = service.command + " (user " + owner_->user +
                   (service.chrooted ? ", chroot " + queue : std::string()) + ")";
  const auto problem = run_as(*owner_, place, [&] { return question(postfix_endpoint(endpoint)); });
  if (problem.empty()) return findings_.ok(who + " reaches " + daemon + " at " + endpoint);
  findings_.problem(who + " does not reach " + daemon + " at " + endpoint + ": " + problem,
                    mend(service, endpoint, daemon, problem));
}

std::string PostfixView::mend(const PostfixService& service, const std::string& endpoint,
                              const std::string& daemon, const std::string& problem) const {
  const std::string start = "systemctl enable --now " + daemon;
  if (problem == std::strerror(ECONNREFUSED)) return start;
  if (problem == std::strerror(EACCES))
    return "the socket and every directory above it have to let group " + setup_.value("mail_owner") +
           " in: see socket_group and socket_mode in smtpseal.toml";
  if (problem != std::strerror(ENOENT)) return "see the log of " + daemon;
  const bool is_outside_chroot =
      service.chrooted && endpoint.starts_with("unix:/") && ::access(endpoint.substr(5).c_str(), F_OK) == 0;
  if (!is_outside_chroot) return start;
  return "name the socket relative to " + setup_.queue_directory() +
         ", where it means the same in the chroot";
}

}  // namespace smtpseal::cli
