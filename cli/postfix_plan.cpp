#include "postfix_plan.hpp"

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <set>

#include "context.hpp"
#include "postfix_names.hpp"

namespace smtpseal::cli {
namespace {

using boost::algorithm::join;

// "inet:192.0.2.2:25" as master.cf names a listener.
std::string inet_name(const std::string& endpoint) {
  return endpoint.substr(std::string("inet:").size());
}

std::string host_of(const std::string& endpoint) {
  const auto name = inet_name(endpoint);
  auto host = name.substr(0, name.rfind(':'));
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

bool is_loopback(const std::string& host) {
  return host.starts_with("127.") || host == "::1";
}

std::string seconds(std::int64_t number) {
  return std::to_string(number) + "s";
}

}  // namespace

std::string PlannedService::line() const {
  return name + " " + type + " " + (is_private ? "-" : "n") + " - " + (chrooted ? "y" : "n") + " - - " +
         command;
}

PostfixPlan::PostfixPlan(const config::Values& values, const PostfixSetup& setup, bool inbound)
    : values_(values), setup_(setup) {
  if (!values.list("relay.lmtp_listen").empty()) plan_outbound();
  if (inbound) plan_inbound();
  plan_policy();
}

bool PostfixPlan::is_done() const {
  return std::ranges::all_of(settings_, [](const auto& each) { return each.is_so; }) &&
         std::ranges::all_of(services_,
                             [](const auto& each) { return each.is_there && each.missing.empty(); });
}

void PostfixPlan::plan_outbound() {
  const auto map = "socketmap:" + for_postfix(setup_, values_.list("policyd.listen").front()) + ":transport";
  put_first("transport_maps", map, [&](const std::string& table) {
    const auto name = parse_socketmap(table);
    return name && name->map == "transport" &&
           is_one_of(setup_, name->endpoint, values_.list("policyd.listen"));
  });
  const std::set<std::string> names{parse_transport(values_.text("policyd.transport")).service,
                                    parse_transport(values_.text("policyd.transport_seven_bit")).service};
  for (const auto& name : names) add_lmtp_service(name);
}

void PostfixPlan::plan_inbound() {
  plan_port();
  plan_milters();
  if (values_.text("relay.smtpd").starts_with("inet:")) add_smtpd_service();
}

// A restriction and its argument are two elements, so that put_first() does not fit.
void PostfixPlan::plan_policy() {
  const auto& ours = values_.list("policyd.policy_listen");
  if (ours.empty()) return;
  set("smtpd_relay_before_recipient_restrictions", "yes");
  const std::string name = "smtpd_recipient_restrictions";
  const auto written = setup_.written(name);
  auto elements = split_list(written);
  const auto place = policy_place(setup_, elements, ours);
  if (place == 0) return set(name, written);
  if (!place) {
    const auto asking = "check_policy_service " + for_postfix(setup_, ours.front());
    return set(name, written.empty() ? asking : asking + ", " + written);
  }
  const auto at = elements.begin() + static_cast<std::ptrdiff_t>(*place);
  std::rotate(elements.begin(), at, at + 2);
  set(name, join(elements, " "));
}

// The relay has the port of the public address, Postfix that of the loopback address.
void PostfixPlan::plan_port() {
  std::vector<std::string> public_addresses;
  for (const auto& endpoint : values_.list("relay.smtp_listen")) {
    if (endpoint.starts_with("inet:") && !is_loopback(host_of(endpoint)))
      public_addresses.push_back(host_of(endpoint));
  }
  if (public_addresses.empty()) return;
  const auto interfaces = setup_.list("inet_interfaces");
  const bool is_free = std::ranges::all_of(interfaces, [](const std::string& each) {
    return each == "loopback-only" || each == "localhost" || is_loopback(each);
  });
  set("inet_interfaces", is_free ? setup_.written("inet_interfaces") : "loopback-only");
  auto proxies = split_list(setup_.written("proxy_interfaces"));
  for (const auto& address : public_addresses) {
    const bool is_wildcard = address == "0.0.0.0" || address == "::";
    if (!is_wildcard && std::ranges::find(proxies, address) == proxies.end()) proxies.push_back(address);
  }
  if (!proxies.empty()) set("proxy_interfaces", join(proxies, ", "));
}

void PostfixPlan::plan_milters() {
  const auto& listen = values_.text("milter.listen");
  const auto is_ours = [&](const std::string& element) {
    return is_same_socket(setup_, milter_endpoint(element), listen);
  };
  put_first("smtpd_milters", for_postfix(setup_, listen), is_ours);
  if (setup_.written("non_smtpd_milters") != "$smtpd_milters") {
    const bool is_empty = setup_.value("non_smtpd_milters").empty();
    is_empty ? set("non_smtpd_milters", "$smtpd_milters")
             : put_first("non_smtpd_milters", for_postfix(setup_, listen), is_ours);
  }
  if (setup_.value("milter_default_action") == "accept") set("milter_default_action", "tempfail");
}

// The relay waits for the next hop as long as RFC 5321 4.5.3.2 says; Postfix has to wait longer, or what one
// next hop has taken is sent to it again because another was slow.
void PostfixPlan::add_lmtp_service(const std::string& name) {
  const auto opening = values_.number("relay.greeting_timeout") + values_.number("relay.command_timeout");
  const auto data = values_.number("relay.data_done_timeout");
  add({name,
       "unix",
       true,
       chroots("lmtp"),
       "lmtp",
       {{"syslog_name", "postfix/smtpseal"},
        {"lmtp_send_xforward_command", "yes"},
        {"lmtp_rcpt_timeout", seconds(opening + opening / 2)},
        {"lmtp_data_init_timeout", seconds(opening)},
        {"lmtp_data_xfer_timeout", seconds(opening)},
        {"lmtp_data_done_timeout", seconds(data * 2)}}});
}

// XCLIENT tells smtpd the client and, after a login, the account; its own AUTH is hidden, and has to be
// enabled for that account to count.
void PostfixPlan::add_smtpd_service() {
  const auto& smtpd = values_.text("relay.smtpd");
  add({inet_name(smtpd),
       "inet",
       false,
       chroots("smtpd"),
       "smtpd",
       {{"syslog_name", "postfix/behind-relay"},
        {"smtpd_authorized_xclient_hosts", host_of(smtpd)},
        {"smtpd_sasl_auth_enable", "yes"},
        {"smtpd_sasl_authenticated_header", "yes"},
        {"smtpd_discard_ehlo_keywords", "auth,silent-discard"}}});
}

void PostfixPlan::set(const std::string& name, const std::string& value) {
  settings_.push_back({name, value, setup_.written(name) == value});
}

template <class IsOurs>
void PostfixPlan::put_first(const std::string& name, const std::string& ours, const IsOurs& is_ours) {
  auto elements = split_list(setup_.written(name));
  if (!elements.empty() && is_ours(elements.front())) {
    settings_.push_back({name, setup_.written(name), true});
    return;
  }
  std::erase_if(elements, is_ours);
  elements.insert(elements.begin(), ours);
  set(name, join(elements, ", "));
}

void PostfixPlan::add(PlannedService service) {
  const auto* found = setup_.service(service.name, service.type);
  service.is_there = found != nullptr && found->command == service.command;
  for (const auto& [name, value] : service.overrides) {
    if (!service.is_there || !found->overrides.contains(name)) service.missing.emplace_back(name, value);
  }
  services_.push_back(std::move(service));
}

// As the services that are there.
bool PostfixPlan::chroots(const std::string& command) const {
  const auto services = setup_.services_running(command);
  return !services.empty() && services.front()->chrooted;
}

}  // namespace smtpseal::cli
