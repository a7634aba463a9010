#include <algorithm>
#include <array>
#include <utility>

#include "../postfix_names.hpp"
#include "postfix_parts.hpp"
#include "smtpseal/policy/network_rules.hpp"
#include "socket_questions.hpp"

namespace smtpseal::cli {
namespace {

constexpr auto kApply = "smtpseal postfix-config --inbound shows the lines; --apply sets them";

constexpr std::array kRestrictions{"smtpd_recipient_restrictions",  "smtpd_sender_restrictions",
                                   "smtpd_relay_restrictions",      "smtpd_client_restrictions",
                                   "smtpd_helo_restrictions",       "smtpd_data_restrictions",
                                   "smtpd_end_of_data_restrictions"};

std::string without_brackets(const std::string& host) {
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

std::string address_of(const std::string& inet_endpoint) {
  const auto rest = inet_endpoint.substr(std::string("inet:").size());
  return without_brackets(rest.substr(0, rest.rfind(':')));
}

std::string port_of(const std::string& endpoint) {
  return endpoint.substr(endpoint.rfind(':') + 1);
}

bool is_any_address(const std::string& address) {
  return address == "0.0.0.0" || address == "::";
}

class InboundCheck {
 public:
  explicit InboundCheck(const PostfixCheck& check)
      : context_(check.context),
        set_(check.set),
        setup_(check.setup),
        view_(check.view),
        findings_(check.findings),
        milter_(context_.values().text("milter.listen")),
        policy_(context_.values().list("policyd.policy_listen")),
        listen_(context_.values().list("relay.smtp_listen")) {}

  void run() {
    const bool asks_milter = check_milters();
    const bool asks_policy = check_policy();
    check_judgement(asks_milter, asks_policy);
    if (!listen_.empty()) check_behind_relay();
  }

 private:
  bool check_milters() {
    const auto milters = setup_.list("smtpd_milters");
    const auto ours = std::ranges::find_if(
        milters, [&](const auto& each) { return is_same_socket(setup_, milter_endpoint(each), milter_); });
    if (ours == milters.end()) return false;
    if (ours != milters.begin())
      findings_.warning("smtpd_milters names " + milters.front() +
                            " before smtpseal-milter, which takes what that one adds for forged",
                        "name " + *ours + " first");
    const bool accepts = setup_.value("milter_default_action") == "accept" ||
                         ours->find("default_action=accept") != std::string::npos;
    if (accepts)
      findings_.problem(
          "milter_default_action is accept: while the milter is away, mail passes unjudged and with "
          "forged headers",
          "postconf -e milter_default_action=tempfail");
    const auto endpoint = milter_endpoint(*ours);
    try_smtpds(endpoint, "smtpseal-milter", cannot_connect);
    check_non_smtpd(endpoint);
    return true;
  }

  void check_non_smtpd(const std::string& endpoint) {
    const auto milters = setup_.list("non_smtpd_milters");
    const bool is_named =
        std::ranges::any_of(milters, [&](const auto& each) { return milter_endpoint(each) == endpoint; });
    if (!is_named)
      return findings_.note(
          "non_smtpd_milters does not name the milter: mail of sendmail(1) keeps forged headers",
          "postconf -e 'non_smtpd_milters = $smtpd_milters'");
    for (const auto* service : setup_.services_running("cleanup"))
      view_.try_out(*service, endpoint, "smtpseal-milter", cannot_connect);
  }

  // Programs that run alike see the sockets alike.
  void try_smtpds(const std::string& endpoint, const std::string& daemon,
                  const PostfixView::Question& question) {
    bool seen[2] = {false, false};
    for (const auto* service : setup_.services_running("smtpd")) {
      if (std::exchange(seen[service->chrooted ? 1 : 0], true)) continue;
      view_.try_out(*service, endpoint, daemon, question);
    }
  }

  // The list that asks policyd; nullptr: none does.
  const char* asking_list() const {
    const auto found = std::ranges::find_if(kRestrictions, [&](const char* name) {
      return policy_place(setup_, restrictions(name), policy_).has_value();
    });
    return found == kRestrictions.end() ? nullptr : *found;
  }

  // Of the smtpd behind the relay, where there is one.
  std::vector<std::string> restrictions(const std::string& name) const {
    const auto* service = behind_relay();
    return split_list(service == nullptr ? setup_.value(name) : setup_.value_for(*service, name));
  }

  bool check_policy() {
    const auto* list = asking_list();
    if (list == nullptr) return false;
    const auto words = restrictions(list);
    const auto endpoint = milter_endpoint(words[*policy_place(setup_, words, policy_) + 1]);
    try_smtpds(endpoint, "smtpseal-policyd", cannot_ask_policy);
    if (setup_.value("smtpd_relay_before_recipient_restrictions") != "yes")
      findings_.note("smtpd_relay_restrictions are asked last: strangers learn from policyd what is listed",
                     "postconf -e smtpd_relay_before_recipient_restrictions=yes");
    return true;
  }

  void check_judgement(bool asks_milter, bool asks_policy) {
    const bool logs_in = !listen_.empty() && !set_.accounts.entries().empty();
    if (set_.domains.requires_any() && !asks_milter && !asks_policy)
      findings_.problem(
          "rules have inbound=require, but neither smtpd_milters nor check_policy_service of main.cf "
          "names smtpseal: nothing is required",
          kApply);
    else if (logs_in && !asks_milter)
      findings_.note("smtpd_milters does not name smtpseal-milter: messages get no status header", kApply);
    if (logs_in && context_.values().text("relay.xclient_login") == "all") check_order();
    if (!logs_in && !asks_policy && set_.domains.secures_any())
      findings_.note(
          "no check_policy_service asks smtpseal-policyd: who hands mail in learns late that it cannot be "
          "delivered",
          "smtpseal postfix-config shows the lines");
  }

  // A permit ends the list it stands in.
  void check_order() {
    const auto words = restrictions("smtpd_recipient_restrictions");
    const auto place = policy_place(setup_, words, policy_);
    const auto permits = [](const std::string& word) {
      return word == "permit_sasl_authenticated" || word == "permit_mynetworks" || word == "permit";
    };
    const auto permit = std::ranges::find_if(words, permits) - words.begin();
    if (!place)
      return findings_.problem(
          "relay.xclient_login is \"all\", and smtpd_recipient_restrictions does not ask "
          "smtpseal-policyd: every account may relay",
          kApply);
    if (*place > static_cast<std::size_t>(permit))
      findings_.problem(
          "smtpd_recipient_restrictions has " + words[static_cast<std::size_t>(permit)] +
              " before check_policy_service: with relay.xclient_login = \"all\" every account may relay",
          "put check_policy_service first");
  }

  // smtpd at relay.smtpd: "10025", "localhost:10025" and "127.0.0.1:10025" are the same.
  const PostfixService* behind_relay() const {
    const auto& smtpd = context_.values().text("relay.smtpd");
    if (listen_.empty() || !smtpd.starts_with("inet:")) return nullptr;
    const auto address = address_of(smtpd);
    const auto port = port_of(smtpd);
    for (const auto* service : setup_.services_running("smtpd")) {
      const bool is_local = address == "127.0.0.1" || address == "::1";
      if (service->type == "inet" &&
          (service->name == address + ":" + port || service->name == "[" + address + "]:" + port ||
           (is_local && (service->name == "localhost:" + port || service->name == port))))
        return service;
    }
    return nullptr;
  }

  void check_behind_relay() {
    check_port();
    const auto& smtpd = context_.values().text("relay.smtpd");
    const auto* service = behind_relay();
    if (service == nullptr) {
      if (smtpd.starts_with("inet:"))
        findings_.problem("master.cf has no smtpd at relay.smtpd (" + smtpd + ")", kApply);
      return;
    }
    check_xclient(*service, address_of(smtpd));
    const bool relays =
        std::ranges::any_of(set_.accounts.entries(), [](const auto& each) { return each.relay; });
    if (relays && setup_.value_for(*service, "smtpd_sasl_auth_enable") != "yes")
      findings_.warning(
          "accounts have relay=yes, but smtpd at " + service->name + " takes no login by XCLIENT",
          "-o smtpd_sasl_auth_enable=yes at " + service->name + " in master.cf");
  }

  void check_xclient(const PostfixService& service, const std::string& address) {
    const auto hosts = split_list(setup_.value_for(service, "smtpd_authorized_xclient_hosts"));
    const auto client = policy::parse_ip(address);
    const bool is_there = std::ranges::any_of(hosts, [&](const std::string& host) {
      const auto network = policy::Network::parse(host);
      return host == address || (network && client && network->contains(*client));
    });
    if (is_there) return findings_.ok("smtpd at " + service.name + " takes XCLIENT from the relay");
    findings_.problem(
        "smtpd at " + service.name + " does not take XCLIENT from " + address +
            ", so that the relay refuses all mail",
        "-o smtpd_authorized_xclient_hosts=" + address + " at " + service.name + " in master.cf");
  }

  // Two programs cannot have one port of one address.
  void check_port() {
    for (const auto& endpoint : listen_) {
      if (!endpoint.starts_with("inet:")) continue;
      for (const auto* service : setup_.services_running("smtpd")) {
        if (service->type == "inet" && takes(*service, address_of(endpoint), port_of(endpoint)))
          findings_.problem("relay.smtp_listen has " + endpoint + ", which smtpd at " + service->name +
                                " of master.cf takes as well",
                            "postconf -e inet_interfaces=loopback-only");
      }
    }
  }

  bool takes(const PostfixService& service, const std::string& address, const std::string& port) const {
    const auto colon = service.name.rfind(':');
    const auto service_port = service.name.substr(colon == std::string::npos ? 0 : colon + 1);
    if (service_port != port && !(port == "25" && service_port == "smtp")) return false;
    if (colon != std::string::npos)
      return without_brackets(service.name.substr(0, colon)) == address || is_any_address(address);
    const auto interfaces = setup_.list("inet_interfaces");
    return std::ranges::any_of(interfaces, [&](const std::string& each) {
      const bool is_loopback = address == "127.0.0.1" || address == "::1";
      return each == "all" || each == address || is_any_address(address) ||
             ((each == "loopback-only" || each == "localhost") && is_loopback);
    });
  }

  Context& context_;
  const policy::PolicySet& set_;
  const PostfixSetup& setup_;
  PostfixView& view_;
  Findings& findings_;
  const std::string& milter_;
  const std::vector<std::string>& policy_;
  const std::vector<std::string>& listen_;
};

}  // namespace

void check_inbound(const PostfixCheck& check) {
  InboundCheck(check).run();
}

}  // namespace smtpseal::cli
