#include <boost/algorithm/string/join.hpp>

#include "commands.hpp"
#include "json_output.hpp"
#include "output.hpp"
#include "smtpseal/policy/checked_file.hpp"
#include "smtpseal/policy/describe.hpp"
#include "smtpseal/policy/transport_table.hpp"

namespace smtpseal::cli {
namespace {

using policy::Decision;
using policy::DomainRule;
using policy::InboundRule;
using policy::Mode;

struct Options {
  std::string address;
  bool as_json = false;
};

// What is known of one address.
struct Answer {
  std::string address;
  Decision decision;
  std::string transport;           // what Postfix is told
  std::vector<std::string> bound;  // accounts that may send as the domain
  std::string accounts_problem;    // why they are not known
};

// A domain is asked for as an address in it, so that the answer is the one mail gets.
std::string as_address(const std::string& text) {
  const bool is_domain = text.find_first_of("@%!\"") == std::string::npos;
  return is_domain ? "postmaster@" + text : text;
}

std::string answer_text(const postfix::SocketmapReply& reply) {
  return reply.status == postfix::SocketmapStatus::ok ? "OK " + reply.text : "NOTFOUND";
}

// The accounts file holds secrets: who may not read it still learns the rest.
void find_bound_accounts(Context& context, Answer& answer) {
  const auto file = context.files().accounts;
  const auto read = policy::read_checked_file(file, policy::Confidential::yes);
  if (read.missing) return;
  if (!read.text) {
    answer.accounts_problem = file + " " + read.problem;
    return;
  }
  std::vector<policy::Problem> ignored;
  const auto accounts = policy::Accounts::parse(context.engine(), read.text->reveal(), file, ignored);
  for (const auto& account : accounts.entries()) {
    if (account.is_bound_to(answer.decision.domain)) answer.bound.push_back(account.account);
  }
}

const DomainRule* inbound_rule(const Decision& decision) {
  const bool counts = decision.rule != nullptr && decision.rule->inbound == InboundRule::require &&
                      decision.kind != Decision::Kind::refuse_form;
  return counts ? decision.rule : nullptr;
}

std::string inbound_route(const Decision& decision) {
  const auto* rule = inbound_rule(decision);
  if (rule == nullptr) return "taken as it comes";
  return policy::inbound_requirement(*rule);
}

std::string inbound_reason(const Answer& answer) {
  if (const auto* rule = inbound_rule(answer.decision)) {
    const std::string otherwise = rule->mode == Mode::report ? "else it is taken, and marked would-reject"
                                                             : "else it is refused (550 5.7.1)";
    return rule->pattern + " has inbound=require (" + rule->origin.text() + "); " + otherwise;
  }
  return "no rule with inbound=require covers the domain";
}

void print_answer(const Answer& answer) {
  const auto& decision = answer.decision;
  const auto* rule = decision.rule;
  Facts facts;
  facts.add("address", answer.address);
  facts.add("domain", decision.domain.empty() ? "-" : decision.domain);
  facts.add("rule", rule == nullptr ? "-" : rule->origin.text());
  facts.add("mail to it", "is " + std::string(policy::outbound_route(decision.kind)));
  facts.add("because", decision.reason);
  if (rule != nullptr && !rule->weaknesses().empty()) facts.add("weak", rule->weaknesses());
  facts.add("transport", answer.transport);
  facts.add("mail from it", (inbound_rule(decision) == nullptr ? "is " : "") + inbound_route(decision));
  facts.add("because", inbound_reason(answer));
  if (!answer.bound.empty())
    facts.add("accounts", boost::algorithm::join(answer.bound, ", ") +
                              ": may send as the domain, and only as those in domains=");
  if (!answer.accounts_problem.empty()) facts.add("accounts", "not known: " + answer.accounts_problem);
  facts.print(std::cout);
}

std::string_view kind_name(Decision::Kind kind) {
  switch (kind) {
    case Decision::Kind::not_listed:
      return "not-listed";
    case Decision::Kind::secure:
      return "relay";
    case Decision::Kind::refuse_form:
      return "refused";
  }
  return {};
}

Json rule_json(const DomainRule* rule) {
  if (rule == nullptr) return nullptr;
  return {{"pattern", rule->pattern},   {"file", rule->origin.file}, {"line", rule->origin.line},
          {"level", name(rule->level)}, {"account", rule->account},  {"strength", rule->strength},
          {"weak", rule->weaknesses()}};
}

Json as_json(const Answer& answer) {
  const auto& decision = answer.decision;
  const auto* inbound = inbound_rule(decision);
  Json accounts = answer.accounts_problem.empty() ? Json(answer.bound) : Json(nullptr);
  return {
      {"address", answer.address},
      {"domain", decision.domain},
      {"rule", rule_json(decision.rule)},
      {"outbound",
       {{"route", kind_name(decision.kind)}, {"reason", decision.reason}, {"transport", answer.transport}}},
      {"inbound",
       {{"required", inbound != nullptr},
        {"enforced", inbound != nullptr && inbound->mode == Mode::enforce},
        {"strength", inbound == nullptr ? Json(nullptr) : Json(inbound->strength)},
        {"account", inbound == nullptr ? Json(nullptr) : Json(inbound->inbound_account)},
        {"bound_accounts", std::move(accounts)},
        {"reason", inbound_reason(answer)}}}};
}

int query(Context& context, const Options& options) {
  const auto load = context.load(context.domains_only());
  if (!load.set) {
    print_problems(std::cerr, load.problems);
    throw Failure("the rules have problems; a daemon without older rules defers all mail");
  }
  const auto& values = context.values();
  const policy::TransportTargets targets{values.text("policyd.transport"),
                                         values.text("policyd.transport_seven_bit")};
  Answer answer;
  answer.address = as_address(options.address);
  answer.decision = policy::decide(*load.set, answer.address);
  answer.transport = answer_text(policy::transport_lookup(load.set.get(), targets, answer.address));
  find_bound_accounts(context, answer);
  options.as_json ? print_json(as_json(answer)) : print_answer(answer);
  return kSuccess;
}

}  // namespace

void add_query_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "query", "Say which rule an address or domain falls under, and what happens to mail to it and from it");
  auto options = std::make_shared<Options>();
  command->add_option("ADDRESS", options->address, "user@domain, or a domain")->required();
  command->add_flag("--json", options->as_json, "For programs");
  command->callback([&context, options] { context.status = query(context, *options); });
}

}  // namespace smtpseal::cli
