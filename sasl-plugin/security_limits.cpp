#include "security_limits.hpp"

#include <algorithm>
#include <array>

namespace smtpseal::sasl {
namespace {

constexpr std::array kStrengths{40U, 56U, 128U};

// What is left of a limit for a layer of ours above TLS.
unsigned above(unsigned external, unsigned limit) {
  return limit > external ? limit - external : 0;
}

// The strongest seal that counts no more than `most`; 0: none.
unsigned strongest_within(unsigned most, unsigned ssf_limit) {
  unsigned found = 0;
  for (const unsigned strength : kStrengths) {
    if (reported_ssf(strength, ssf_limit) <= most) found = strength;
  }
  return found;
}

// The weakest seal that counts at least `least`; 0: none.
unsigned weakest_reaching(unsigned least, unsigned ssf_limit) {
  for (const unsigned strength : kStrengths) {
    if (reported_ssf(strength, ssf_limit) >= least) return strength;
  }
  return 0;
}

LayerPlan impossible(std::string problem) {
  LayerPlan plan;
  plan.required = true;
  plan.problem = std::move(problem);
  return plan;
}

std::string bits(unsigned count) {
  return std::to_string(count) + " bits";
}

std::string demands(unsigned must) {
  return "the application demands a security layer of at least " + bits(must) + " (min_ssf)";
}

std::string allows(const ApplicationLimits& limits) {
  if (limits.max_buffer == 0) return "the application takes no security layer (maxbufsize 0)";
  if (limits.max_ssf == 0) return "the application takes no security layer (max_ssf 0)";
  std::string text = "the application takes a security layer of at most " +
                     bits(above(limits.external_ssf, limits.max_ssf)) + " (max_ssf " +
                     std::to_string(limits.max_ssf);
  if (limits.external_ssf > 0) text += ", of which TLS has " + std::to_string(limits.external_ssf);
  return text + ")";
}

// The layers that the application's limits leave: from weakest to strongest, 0 where there is none.
struct Range {
  unsigned must = 0;  // SSF that a layer must have; 0: none is demanded
  unsigned weakest = 0;
  unsigned strongest = 0;
};

Range range_of(const ApplicationLimits& limits, unsigned ssf_limit) {
  Range range;
  range.must = above(limits.external_ssf, limits.min_ssf);
  range.weakest = weakest_reaching(range.must, ssf_limit);
  if (limits.max_buffer != 0) {
    range.strongest = strongest_within(above(limits.external_ssf, limits.max_ssf), ssf_limit);
  }
  return range;
}

// Why a layer that is demanded cannot be had at all; empty where it can.
std::string obstacle(const Range& range, const ApplicationLimits& limits, unsigned ssf_limit) {
  if (range.weakest == 0)
    return demands(range.must) + ", and ours counts for " + bits(reported_ssf(128, ssf_limit)) + " at most";
  if (range.weakest > range.strongest) return demands(range.must) + ", but " + allows(limits);
  return {};
}

bool is_wanted(LayerWish wish, const ApplicationLimits& limits, unsigned strength) {
  if (wish != LayerWish::automatic) return wish == LayerWish::required;
  return limits.max_ssf != 0 && limits.max_buffer != 0 && limits.external_ssf < strength;
}

}  // namespace

unsigned reported_ssf(unsigned strength, unsigned ssf_limit) {
  return std::min(strength, ssf_limit);
}

LayerPlan plan_client(const ApplicationLimits& limits, LayerWish wish, unsigned strength,
                      unsigned ssf_limit) {
  const Range range = range_of(limits, ssf_limit);
  if (range.must > 0) {
    if (wish == LayerWish::never) return impossible(demands(range.must) + ", but sasl.client_layer is never");
    if (auto problem = obstacle(range, limits, ssf_limit); !problem.empty())
      return impossible(std::move(problem));
  } else if (!is_wanted(wish, limits, strength)) {
    return {};
  }
  LayerPlan plan;
  plan.seal = plan.required = true;
  plan.minimum_strength = std::max(strength, range.weakest);
  plan.maximum_strength = range.strongest;
  if (plan.minimum_strength > plan.maximum_strength)
    return impossible("a security layer of at least " + bits(strength) +
                      " is demanded (sasl.client_layer, sasl.client_strength), but " + allows(limits));
  return plan;
}

LayerPlan plan_server(const ApplicationLimits& limits, unsigned ssf_limit) {
  const Range range = range_of(limits, ssf_limit);
  LayerPlan plan;
  plan.required = range.must > 0;
  if (plan.required) {
    if (auto problem = obstacle(range, limits, ssf_limit); !problem.empty())
      return impossible(std::move(problem));
  }
  plan.seal = range.strongest != 0;
  if (!plan.seal) return plan;
  plan.minimum_strength = range.weakest;
  plan.maximum_strength = range.strongest;
  return plan;
}

void apply(const LayerPlan& plan, ntlm::ClientPolicy& client) {
  client.seal = plan.seal;
  client.minimum_strength = plan.minimum_strength;
  client.offer_128 = client.offer_128 && plan.maximum_strength >= 128;
  client.offer_56 = client.offer_56 && plan.maximum_strength >= 56;
}

void apply(const LayerPlan& plan, ntlm::ServerPolicy& server) {
  server.allow_seal = server.allow_seal && plan.seal;
  server.allow_128 = server.allow_128 && plan.maximum_strength >= 128;
  server.allow_56 = server.allow_56 && plan.maximum_strength >= 56;
}

std::string objection(const LayerPlan& plan, const ntlm::Outcome& outcome) {
  if (!plan.problem.empty()) return plan.problem;
  if (!outcome.sealed) return plan.required ? "a security layer is demanded and none was agreed on" : "";
  if (!plan.seal) return "a security layer was agreed on that the application does not take";
  if (!ntlm::has_fresh_key(outcome.flags))
    return "the security layer's key would be the same in every session (KEY_EXCH missing)";
  if (outcome.strength < plan.minimum_strength)
    return "the security layer has " + bits(outcome.strength) + ", demanded are " +
           bits(plan.minimum_strength);
  if (outcome.strength > plan.maximum_strength)
    return "the security layer has " + bits(outcome.strength) + ", the application takes " +
           bits(plan.maximum_strength) + " at most";
  return {};
}

std::string describe(const ntlm::Outcome& outcome) {
  return std::string(ntlm::name(outcome.response)) +
         (outcome.sealed ? ", sealed with " + bits(outcome.strength) : ", without a security layer");
}

}  // namespace smtpseal::sasl
