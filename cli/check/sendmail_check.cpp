#include <algorithm>

#include "../output.hpp"
#include "../sendmail_setup.hpp"
#include "checks.hpp"
#include "socket_questions.hpp"

namespace smtpseal::cli {
namespace {

constexpr auto kLines =
    "smtpseal sendmail-config shows the lines of sendmail.mc; then m4 and restart Sendmail";

// "local:/path" of a map, "unix:/path" of a filter.
std::string as_endpoint(const std::string& socket) {
  constexpr std::string_view kLocal = "local:";
  return socket.starts_with(kLocal) ? "unix:" + socket.substr(kLocal.size()) : socket;
}

class SendmailCheck {
 public:
  SendmailCheck(Context& context, const policy::PolicySet& set, SendmailSetup setup, Findings& findings)
      : values_(context.values()), set_(set), setup_(std::move(setup)), findings_(findings) {}

  void run() {
    if (set_.domains.secures_any()) check_outbound();
    check_milter();
  }

 private:
  bool is_listed(const std::string& endpoint, const std::string& parameter) const {
    return std::ranges::find(values_.list(parameter), endpoint) != values_.list(parameter).end();
  }

  void check_outbound() {
    if (setup_.seals_natively)
      return findings_.ok("Sendmail seals by itself what SmtpSeal: of its access map lists");
    if (setup_.mailer_paths.empty())
      return findings_.problem(
          setup_.file + " has no mailer smtpseal: mail for listed domains leaves unprotected", kLines);
    if (setup_.domains_map.empty()) {
      findings_.note("Sendmail asks no map smtpseal: the listed domains have to stand in its mailertable",
                     "smtpseal export sendmail --mailertable");
    } else {
      check_map(as_endpoint(setup_.domains_map));
    }
    for (const auto& path : setup_.mailer_paths) check_mailer("unix:" + path);
  }

  void check_map(const std::string& endpoint) {
    if (!is_listed(endpoint, "policyd.listen"))
      return findings_.problem("Sendmail asks " + endpoint + ", which is none of policyd.listen",
                               "let SMTPSEAL_DOMAINS and policyd.listen name the same socket");
    reach(endpoint, "smtpseal-policyd", cannot_connect(postfix_endpoint(endpoint)));
  }

  void check_mailer(const std::string& endpoint) {
    if (!is_listed(endpoint, "relay.lmtp_listen") && !is_listed(endpoint, "relay.lmtp_listen_seven_bit"))
      return findings_.problem(
          "a mailer of Sendmail leads to " + endpoint + ", where the relay does not listen",
          "set relay.lmtp_listen and relay.lmtp_listen_seven_bit in smtpseal.toml");
    reach(endpoint, "smtpseal-relay", cannot_greet(postfix_endpoint(endpoint)));
  }

  void check_milter() {
    const auto& filters = setup_.input_filters;
    const auto ours = std::ranges::find(filters, "smtpseal");
    if (ours == filters.end()) {
      if (set_.domains.requires_any())
        findings_.problem("rules have inbound=require, but InputMailFilters of " + setup_.file +
                              " lacks smtpseal: nothing is required",
                          kLines);
      return;
    }
    if (ours != filters.begin())
      findings_.warning("InputMailFilters names " + filters.front() +
                            " before smtpseal, which takes what that one adds for forged",
                        kLines);
    if (setup_.milter_flags != "T")
      findings_.problem(
          "the filter smtpseal has F=" + setup_.milter_flags + ": while it is down mail passes unjudged",
          "F=T, as smtpseal.m4 has it");
    const auto endpoint = as_endpoint(setup_.milter);
    if (endpoint != values_.text("milter.listen"))
      return findings_.problem("Sendmail looks for the milter at " + endpoint + ", and milter.listen is " +
                                   values_.text("milter.listen"),
                               "let SMTPSEAL_MILTER and milter.listen name the same socket");
    reach(endpoint, "smtpseal-milter", cannot_connect(postfix_endpoint(endpoint)));
  }

  // Sendmail comes to its sockets as root.
  void reach(const std::string& endpoint, const std::string& daemon, const std::string& problem) {
    if (problem.empty()) return findings_.ok("Sendmail reaches " + daemon + " at " + endpoint);
    findings_.problem("Sendmail does not reach " + daemon + " at " + endpoint + ": " + problem,
                      "systemctl enable --now " + daemon);
  }

  const config::Values& values_;
  const policy::PolicySet& set_;
  const SendmailSetup setup_;
  Findings& findings_;
};

}  // namespace

void check_sendmail(Context& context, const policy::PolicySet& set, const std::string& sendmail_cf,
                    Findings& findings) {
  findings.begin("Sendmail " + sendmail_cf);
  auto setup = SendmailSetup::load(sendmail_cf);
  if (!setup) return;
  SendmailCheck(context, set, std::move(*setup), findings).run();
}

}  // namespace smtpseal::cli
