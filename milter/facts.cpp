#include "facts.hpp"

#include <utility>

#include "smtpseal/status/session_lookup.hpp"

namespace smtpseal::milter {
namespace {

using Source = Facts::Source;

Facts unknown(std::string reason) {
  return {Source::nobody, status::unknown_because(std::move(reason))};
}

Facts ask_relay(const AskRelay& ask, const Peer& peer, const session::MtaView& view) {
  const auto key = status::session_key({peer.address, peer.port}, {peer.server_address, peer.server_port});
  if (!key) return unknown("the mail server does not tell the addresses and ports of the session");
  auto known = status::session_from(ask(*key));
  if (!known) return {Source::mail_server, session::security_of(view)};
  const bool is_unknown = known->protection == session::Protection::unknown;
  return {is_unknown ? Source::nobody : Source::relay, std::move(*known)};
}

void name_peer(session::SessionSecurity& security, const Peer& peer) {
  if (security.peer_name.empty()) security.peer_name = peer.name;
  if (security.peer_address.empty()) security.peer_address = peer.address;
}

}  // namespace

bool Peer::is_local_submission() const {
  if (address.empty()) return name == "localhost";
  return address == "127.0.0.1" && port == "0";
}

Facts find_facts(const AskRelay& ask, const Peer& peer, const session::MtaView& view) {
  if (peer.is_local_submission()) return {};
  Facts facts = ask ? ask_relay(ask, peer, view) : Facts{Source::mail_server, session::security_of(view)};
  name_peer(facts.security, peer);
  return facts;
}

Facts find_facts_again(const Facts& before, const AskRelay& ask, const Peer& peer,
                       const session::MtaView& view) {
  if (before.source == Source::mail_server) return before;
  Facts facts = find_facts(ask, peer, view);
  if (facts.source != Source::mail_server) return facts;
  facts = unknown("smtpseal-relay has lost the session");
  name_peer(facts.security, peer);
  return facts;
}

}  // namespace smtpseal::milter
