#include <algorithm>
#include <charconv>
#include <set>

#include "../command_run.hpp"
#include "../postfix_names.hpp"
#include "postfix_parts.hpp"
#include "socket_questions.hpp"

namespace smtpseal::cli {
namespace {

constexpr std::size_t kMostKeys = 1000;  // rules that are looked up in other tables
constexpr auto kApply = "smtpseal postfix-config shows the lines; --apply sets them";

// Keys of transport(5) that lead mail for the listed domains somewhere.
std::vector<std::string> keys_of(const policy::DomainMap& domains) {
  std::vector<std::string> keys;
  for (const auto& rule : domains.rules()) {
    if (rule.level != policy::Level::none && keys.size() < kMostKeys) keys.push_back(rule.pattern);
  }
  return keys;
}

// An address for which the map has to answer OK; empty: no rule has an exact domain.
std::string example_address(const policy::DomainMap& domains) {
  for (const auto& rule : domains.rules()) {
    if (rule.level == policy::Level::none || rule.pattern == "*") continue;
    return "postmaster@" + (rule.pattern.starts_with('.') ? "smtpseal-check" + rule.pattern : rule.pattern);
  }
  return {};
}

// Seconds of a time parameter of Postfix; 0 where it is none.
long seconds_of(const std::string& text) {
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc()) return 0;
  if (unit == "m") return number * 60;
  if (unit == "h") return number * 3600;
  if (unit == "d") return number * 86400;
  return unit == "w" ? number * 604800 : number;
}

class OutboundCheck {
 public:
  explicit OutboundCheck(const PostfixCheck& check)
      : context_(check.context),
        set_(check.set),
        setup_(check.setup),
        view_(check.view),
        findings_(check.findings),
        tables_(setup_.list("transport_maps")) {}

  void run() {
    if (!set_.domains.secures_any())
      return findings_.note("no domain is listed: nothing is sent through the relay");
    const auto place = own_table();
    if (!place && !is_default_way()) return tell_missing();
    check_tables_before(place.value_or(tables_.size()));
    if (place) check_own_table(tables_[*place]);
    const auto& values = context_.values();
    check_service(values.text("policyd.transport"), "relay.lmtp_listen");
    check_service(values.text("policyd.transport_seven_bit"), "relay.lmtp_listen_seven_bit");
    if (!setup_.value("content_filter").empty())
      findings_.note(
          "content_filter is set: mail goes to the filter first, and by transport_maps only once the "
          "filter hands it back to this Postfix");
  }

 private:
  // The first table that knows the listed domains as policyd does.
  std::optional<std::size_t> own_table() {
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      const auto name = parse_socketmap(tables_[i]);
      const bool is_map = name && name->map == "transport" &&
                          is_one_of(setup_, name->endpoint, context_.values().list("policyd.listen"));
      if (is_map || (!name && is_export(tables_[i]))) return i;
    }
    return std::nullopt;
  }

  // All mail goes to the relay, as behind a smarthost with NTLM.
  bool is_default_way() {
    const auto& way = setup_.value("default_transport");
    const auto& values = context_.values();
    if (way != values.text("policyd.transport") && way != values.text("policyd.transport_seven_bit"))
      return false;
    findings_.ok("default_transport leads to the relay");
    return true;
  }

  // What a table has for the listed domains, "key<TAB>value" a line. postmap fails where it has none of them.
  std::string looked_up(const std::string& table) const {
    std::string keys;
    for (const auto& key : keys_of(set_.domains)) keys += key + "\n";
    try {
      return run_filter({"postmap", "-c", setup_.directory(), "-q", "-", table}, keys);
    } catch (const Failure&) {
      return {};
    }
  }

  bool is_export(const std::string& table) const {
    const auto& transport = context_.values().text("policyd.transport");
    const auto& seven_bit = context_.values().text("policyd.transport_seven_bit");
    const auto found = looked_up(table);
    return found.find("\t" + transport) != std::string::npos ||
           found.find("\t" + seven_bit) != std::string::npos;
  }

  void tell_missing() {
    for (const auto& table : tables_) {
      const auto name = parse_socketmap(table);
      if (name && name->map == "transport")
        return findings_.problem("transport_maps asks " + table + ", but policyd.listen is " +
                                     context_.values().list("policyd.listen").front(),
                                 kApply);
    }
    findings_.problem(
        "transport_maps does not ask smtpseal-policyd: mail for listed domains leaves unprotected", kApply);
  }

  void check_tables_before(std::size_t place) {
    for (std::size_t i = 0; i < place; ++i) {
      if (const auto found = looked_up(tables_[i]); !found.empty()) {
        findings_.problem(
            "transport_maps asks " + tables_[i] +
                " first, and it leads a listed domain elsewhere: " + found.substr(0, found.find('\n')),
            "take that out, or name " + tables_[i] + " behind the table of smtpseal");
      } else {
        findings_.note("transport_maps asks " + tables_[i] + " first: what it lists goes its own way");
      }
    }
  }

  void check_own_table(const std::string& table) {
    findings_.ok("transport_maps asks " + table);
    const auto name = parse_socketmap(table);
    if (!name) return;
    const auto address = example_address(set_.domains);
    const auto question = [&](const daemon::Endpoint& endpoint) {
      return address.empty() ? cannot_connect(endpoint) : cannot_look_up(endpoint, name->map, address);
    };
    for (const auto* service : setup_.services_running("trivial-rewrite"))
      view_.try_out(*service, name->endpoint, "smtpseal-policyd", question);
  }

  void check_service(const std::string& transport, const std::string& parameter) {
    const auto value = parse_transport(transport);
    const auto& listen = context_.values().list(parameter);
    if (listen.empty())
      return findings_.note(parameter + " is empty: nothing is sent by way of " + transport);
    if (!is_one_of(setup_, value.endpoint, listen))
      findings_.problem("policyd answers " + transport + ", but " + parameter + " is " + listen.front(),
                        "let both name the same socket, in " + context_.config_path());
    const auto* service = setup_.service(value.service, "unix");
    if (service == nullptr)
      return findings_.problem(
          "master.cf has no service " + value.service + " unix, to which " + transport + " leads", kApply);
    if (service->command != "lmtp")
      return findings_.problem(
          "service " + value.service + " of master.cf runs " + service->command + ", not lmtp", kApply);
    if (tested_.insert(value.service).second) check_settings(*service);
    view_.try_out(*service, value.endpoint, "smtpseal-relay", cannot_greet);
  }

  void check_settings(const PostfixService& service) {
    const auto& values = context_.values();
    const auto opening = values.number("relay.greeting_timeout") + values.number("relay.command_timeout");
    check_timeout(service, "lmtp_rcpt_timeout", opening);
    check_timeout(service, "lmtp_data_init_timeout", values.number("relay.data_init_timeout"));
    check_timeout(service, "lmtp_data_xfer_timeout", values.number("relay.data_block_timeout"));
    check_timeout(service, "lmtp_data_done_timeout", values.number("relay.data_done_timeout"));
    if (setup_.value_for(service, "lmtp_send_xforward_command") != "yes")
      findings_.note(
          "the relay is not told queue ids, so that its log lines cannot be joined with those of Postfix",
          "-o lmtp_send_xforward_command=yes at " + service.name + " in master.cf");
  }

  // Postfix that gives up first sends again what a next hop has taken.
  void check_timeout(const PostfixService& service, const std::string& name, std::int64_t relay) {
    const auto& text = setup_.value_for(service, name);
    if (seconds_of(text) > relay) return;
    findings_.warning(
        "service " + service.name + " waits no longer (" + name + " " + text + ") than the relay (" +
            std::to_string(relay) + " s): a message that was taken can be sent again",
        "-o " + name + "=" + std::to_string(relay + relay / 2) + "s at " + service.name + " in master.cf");
  }

  Context& context_;
  const policy::PolicySet& set_;
  const PostfixSetup& setup_;
  PostfixView& view_;
  Findings& findings_;
  std::vector<std::string> tables_;
  std::set<std::string> tested_;
};

}  // namespace

void check_outbound(const PostfixCheck& check) {
  OutboundCheck(check).run();
}

}  // namespace smtpseal::cli
