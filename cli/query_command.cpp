#include "commands.hpp"
#include "output.hpp"
#include "smtpseal/policy/describe.hpp"
#include "smtpseal/policy/transport_table.hpp"

namespace smtpseal::cli {
namespace {

std::string answer_text(const postfix::SocketmapReply& reply) {
  return reply.status == postfix::SocketmapStatus::ok ? "OK " + reply.text : "NOTFOUND";
}

// A domain is asked for as an address in it, so that the answer is the one mail gets.
std::string as_address(const std::string& text) {
  const bool is_domain = text.find_first_of("@%!\"") == std::string::npos;
  return is_domain ? "postmaster@" + text : text;
}

int query(Context& context, const std::string& text) {
  const auto load = context.load(context.domains_only());
  if (!load.set) {
    print_problems(std::cerr, load.problems);
    throw Failure("the rules have problems; a daemon without older rules defers all mail");
  }
  const auto& values = context.values();
  const policy::TransportTargets targets{values.text("policyd.transport"),
                                         values.text("policyd.transport_seven_bit")};
  const auto address = as_address(text);
  const auto decision = policy::decide(*load.set, address);
  std::cout << "address    " << address << '\n';
  std::cout << "domain     " << (decision.domain.empty() ? "-" : decision.domain) << '\n';
  std::cout << "rule       " << (decision.rule == nullptr ? "-" : decision.rule->origin.text()) << '\n';
  std::cout << "mail is    " << policy::outbound_route(decision.kind) << '\n';
  std::cout << "because    " << decision.reason << '\n';
  if (decision.rule != nullptr && !decision.rule->weaknesses().empty()) {
    std::cout << "weak       " << decision.rule->weaknesses() << '\n';
  }
  if (decision.rule != nullptr && !policy::inbound_requirement(*decision.rule).empty()) {
    std::cout << "inbound    " << policy::inbound_requirement(*decision.rule) << '\n';
  }
  std::cout << "transport  " << answer_text(policy::transport_lookup(load.set.get(), targets, address))
            << '\n';
  return kSuccess;
}

}  // namespace

void add_query_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "query", "Say which rule an address or domain falls under, and what happens to its mail");
  auto address = std::make_shared<std::string>();
  command->add_option("ADDRESS", *address, "user@domain, or a domain")->required();
  command->callback([&context, address] { context.status = query(context, *address); });
}

}  // namespace smtpseal::cli
