#include "outbound/esmtp.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/split.hpp>
#include <charconv>

namespace smtpseal::relay {
namespace {

using boost::algorithm::iequals;

bool exceeds(const std::string& declared, std::uint64_t limit) {
  std::uint64_t size = 0;
  std::from_chars(declared.data(), declared.data() + declared.size(), size);
  return limit != 0 && size > limit;
}

std::optional<smtp::Reply> cannot_carry(const smtp::Parameter& parameter, const smtp::Ehlo& offers,
                                        const std::string& peer, const std::string& rule) {
  if (parameter.keyword == "SIZE" && offers.size && exceeds(parameter.value, offers.size_limit))
    return smtp::Reply(552, "5.3.4",
                       "message size " + parameter.value + " exceeds the limit " +
                           std::to_string(offers.size_limit) + " of " + peer);
  if (parameter.keyword == "BODY" && iequals(parameter.value, "8BITMIME") && !offers.eightbitmime)
    return smtp::Reply(554, "5.6.3",
                       peer + " does not do 8BITMIME; body=7bit in rule " + rule + " makes Postfix convert");
  if (parameter.keyword == "SMTPUTF8" && !offers.smtputf8)
    return smtp::Reply(550, "5.6.7", peer + " does not do SMTPUTF8, which this message needs");
  return std::nullopt;
}

bool is_offered(const std::string& keyword, const smtp::Ehlo& offers) {
  if (keyword == "SIZE") return offers.size;
  if (keyword == "BODY") return offers.eightbitmime;
  if (keyword == "SMTPUTF8") return offers.smtputf8;
  return offers.dsn && (keyword == "RET" || keyword == "ENVID" || keyword == "NOTIFY" || keyword == "ORCPT");
}

smtp::Envelope only_offered(const smtp::Envelope& from, const smtp::Ehlo& offers) {
  smtp::Envelope to;
  to.path = from.path;
  for (const auto& parameter : from.parameters)
    if (is_offered(parameter.keyword, offers)) to.parameters.push_back(parameter);
  return to;
}

bool asks_for_success(const smtp::Envelope& rcpt) {
  const auto* notify = rcpt.find("NOTIFY");
  if (notify == nullptr) return false;
  std::vector<std::string> words;
  boost::algorithm::split(words, notify->value, [](char c) { return c == ','; });
  return std::any_of(words.begin(), words.end(), [](const auto& word) { return iequals(word, "SUCCESS"); });
}

}  // namespace

Fitted fit_mail(const smtp::Envelope& mail, const smtp::Ehlo& offers, const std::string& peer,
                const std::string& rule) {
  Fitted fitted;
  for (const auto& parameter : mail.parameters) {
    fitted.refusal = cannot_carry(parameter, offers, peer, rule);
    if (fitted.refusal) return fitted;
  }
  fitted.envelope = only_offered(mail, offers);
  return fitted;
}

Fitted fit_rcpt(const smtp::Envelope& rcpt, const smtp::Ehlo& offers) {
  Fitted fitted;
  fitted.envelope = only_offered(rcpt, offers);
  fitted.relayed_notice = !offers.dsn && asks_for_success(rcpt);
  return fitted;
}

}  // namespace smtpseal::relay
