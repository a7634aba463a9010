#include "session.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <utility>

#include "messages.hpp"
#include "smtpseal/policy/ntlm_settings.hpp"

namespace smtpseal::analyze {

namespace {

using boost::algorithm::iequals;

// An account that is given without a domain is any domain's.
bool is_named(const ntlm::Claim& claim, const policy::AccountName& name) {
  return iequals(claim.user, name.user) && (name.domain.empty() || iequals(claim.domain, name.domain));
}

std::string account_text(const ntlm::Claim& claim) {
  return claim.domain.empty() ? claim.user : claim.domain + "\\" + claim.user;
}

ntlm::Transcript transcript(const Login& login) {
  return {login.negotiate, login.challenge, login.authenticate};
}

std::string opening_of(const Login& login) {
  if (login.was_asked_again) return "initial response refused with 501, then sent alone";
  return login.has_initial_response ? "initial response" : "sent alone";
}

LoginReport report_login(const Login& login) {
  LoginReport report;
  report.verb = login.verb;
  report.opening = opening_of(login);
  report.negotiate = describe_negotiate(login.negotiate);
  report.challenge = describe_challenge(login.challenge);
  report.authenticate = describe_authenticate(transcript(login));
  if (login.code != 0) report.answer = std::to_string(login.code) + " " + escaped(login.reply);
  return report;
}

// Tries the secret; the key of the session where it is the right one.
std::optional<crypto::Key16> try_secret(const crypto::Engine& engine, const Login& login,
                                        const Account& account, LoginReport& report) {
  const auto claim = ntlm::read_claim(transcript(login));
  if (!claim) {
    report.problem = "the login cannot be read: " + claim.error().message();
    return std::nullopt;
  }
  report.account = account_text(claim->claim);
  report.is_other_account = !is_named(claim->claim, account.name);
  report.is_sealed = (claim->flags & ntlm::kSeal) != 0;
  auto recovered = ntlm::recover(engine, transcript(login), policy::secret_of(account.secret));
  if (!recovered) {
    report.problem = "the login cannot be checked: " + recovered.error().message();
    return std::nullopt;
  }
  report.strength = report.is_sealed ? recovered->strength : 0;
  report.secret_is_right = recovered->secret_is_right;
  if (recovered->mic_is_right)
    report.authenticate.push_back(
        {"MIC verdict",
         *recovered->mic_is_right ? "right" : "wrong: a message was altered, or the password is wrong"});
  if (!recovered->secret_is_right) {
    report.problem = recovered->lm_hash_is_missing
                         ? "the response is an LM response, and there is no LM hash of this password"
                         : "the password is wrong, or another account's";
    return std::nullopt;
  }
  if (recovered->lm_hash_is_missing)
    report.problem = "LM_KEY needs the LM hash, which this secret lacks; tried with zeros in its place";
  return std::move(recovered->exported_session_key);
}

std::vector<Line> lines_of(const std::vector<Opened>& opened) {
  std::vector<Line> lines;
  std::array<LineCutter, 2> cutters;
  for (const auto& record : opened) {
    LineCutter& cutter = cutters[static_cast<std::size_t>(record.side)];
    cutter.feed(as_bytes(record.plain));
    while (auto line = cutter.next()) lines.push_back({record.side, std::move(*line)});
  }
  for (const Side side : {Side::client, Side::server}) {
    std::string rest = cutters[static_cast<std::size_t>(side)].take_rest();
    if (!rest.empty()) lines.push_back({side, std::move(rest)});
  }
  return lines;
}

void note_what_is_missing(const Conversation& conversation, const Dialogue& dialogue, SessionReport& report) {
  if (!conversation.has_beginning)
    report.notes.emplace_back("the capture does not have the beginning of this connection");
  if (dialogue.missing > 0)
    report.notes.push_back(std::to_string(dialogue.missing) +
                           " octets of the part in clear are missing in the capture");
  if (dialogue.enters_tls)
    report.notes.emplace_back(
        "STARTTLS was accepted: what follows is TLS, which cannot be read with an NTLM account");
  for (const Side side : {Side::client, Side::server}) {
    if (dialogue.enters_seal && begins_in_clear(dialogue.sealed, side))
      report.notes.push_back(std::string(side == Side::client ? "the client" : "the server") +
                             " goes on in clear, although SEAL was agreed");
  }
}

}  // namespace

bool SessionReport::is_opened() const {
  return !attempts.empty() && attempts.front().records() > 0 && attempts.front().is_whole();
}

std::optional<SessionReport> analyze_session(const crypto::Engine& engine, const Conversation& conversation,
                                             const Account& account) {
  Dialogue dialogue = read_dialogue(conversation);
  // STARTTLS may hide a login.
  if (dialogue.logins.empty() && !dialogue.enters_tls) return std::nullopt;
  SessionReport report;
  report.client = conversation.client.text();
  report.server = conversation.server.text();
  report.began = conversation.began;
  std::optional<crypto::Key16> key;
  for (const auto& login : dialogue.logins) {
    report.logins.push_back(report_login(login));
    key = try_secret(engine, login, account, report.logins.back());
  }
  note_what_is_missing(conversation, dialogue, report);
  report.clear = std::move(dialogue.lines);
  report.enters_seal = dialogue.enters_seal;
  if (!dialogue.enters_seal || !key) return report;
  const auto& last = dialogue.logins.back();
  const auto flags = ntlm::read_claim(transcript(last)).value().flags;
  report.attempts = attempt_all(engine, *key, flags, dialogue.sealed);
  report.unsealed = lines_of(report.attempts.front().opened);
  report.attempts.front().opened.clear();
  return report;
}

}  // namespace smtpseal::analyze
