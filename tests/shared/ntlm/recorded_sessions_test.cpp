// Sessions recorded between other implementations (Samba, gss-ntlmssp) and examples of [MS-NLMP], reproduced
// octet by octet.
#include <boost/json/src.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hex.hpp"
#include "smtpseal/ntlm/authenticate.hpp"
#include "smtpseal/ntlm/av_pairs.hpp"
#include "smtpseal/ntlm/challenge.hpp"
#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/ntlm/hashes.hpp"
#include "smtpseal/ntlm/keys.hpp"
#include "smtpseal/ntlm/mic.hpp"
#include "smtpseal/ntlm/negotiate.hpp"
#include "smtpseal/ntlm/responses.hpp"
#include "smtpseal/ntlm/seal_context.hpp"
#include "smtpseal/ntlm/server.hpp"
#include "smtpseal/ntlm/text.hpp"

namespace {

using namespace smtpseal;
using namespace smtpseal::ntlm;
using smtpseal::testing::hex;
using smtpseal::testing::shared_engine;
using smtpseal::testing::unhex;
using smtpseal::testing::unhex_array;
using smtpseal::testing::unhex_key;

using Object = boost::json::object;

const Object& recorded() {
  static const boost::json::value file = [] {
    std::ifstream stream(SMTPSEAL_TEST_DATA "/vectors/ntlmssp-sessions.json");
    return boost::json::parse(std::string(std::istreambuf_iterator<char>(stream), {}));
  }();
  return file.as_object();
}

std::string text(const Object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::uint32_t number(const std::string& hexadecimal) {
  return static_cast<std::uint32_t>(std::stoul(hexadecimal, nullptr, 16));
}

// One recorded session with its fields by name.
struct Session {
  explicit Session(const Object& record) : json(record), keys(record.at("keys").as_object()) {}

  [[nodiscard]] Bytes octets(std::string_view name) const { return unhex(text(json, name)); }
  [[nodiscard]] std::string key(std::string_view name) const { return text(keys, name); }
  [[nodiscard]] std::uint32_t flags(std::string_view message) const {
    return number(text(json.at("flags").as_object(), message));
  }
  [[nodiscard]] bool has_ess() const { return (flags("authenticate") & kExtendedSessionSecurity) != 0; }
  [[nodiscard]] Response response() const {
    if (octets("nt_response").size() > 24) return Response::ntlmv2;
    return has_ess() ? Response::ntlm2_session : Response::ntlmv1;
  }
  [[nodiscard]] Challenge8 server_challenge() const { return unhex_array<8>(text(json, "server_challenge")); }
  // Absent with NTLMv1, which has none.
  [[nodiscard]] Challenge8 client_challenge() const {
    const std::string challenge = text(json, "client_challenge");
    return challenge.empty() ? Challenge8{} : unhex_array<8>(challenge);
  }
  // Where the LM response repeats the NT response, the client made no use of its LM hash.
  [[nodiscard]] bool uses_lm_hash() const { return text(json, "lm_response") != text(json, "nt_response"); }

  const Object& json;
  const Object& keys;
};

std::vector<Session> sessions() {
  std::vector<Session> all;
  for (const auto& record : recorded().at("sessions").as_array()) all.emplace_back(record.as_object());
  return all;
}

Bytes utf16(std::string_view name) {
  return encode_text(name, Charset::unicode).value();
}

Bytes join(ByteSpan first, ByteSpan second) {
  Bytes joined(first.begin(), first.end());
  append(joined, second);
  return joined;
}

// A record as it is compared: RandomPad of a signature without ESS differs between implementations and is
// left out.
std::string comparable(ByteSpan token, bool has_ess) {
  std::string digits = hex(token);
  if (!has_ess) digits.replace(8, 8, "........");
  return digits;
}

// The AUTHENTICATE message of a session taken apart, the names from the session's own fields.
struct Parts {
  Bytes lm, nt, domain, user, workstation, key;
};

Parts parts_of(const Session& session) {
  return {.lm = session.octets("lm_response"),
          .nt = session.octets("nt_response"),
          .domain = utf16(text(session.json, "domain")),
          .user = utf16(text(session.json, "user")),
          .workstation = utf16(text(session.json, "workstation")),
          .key = session.octets("encrypted_random_session_key")};
}

ClientIdentity identity_of(const Session& session) {
  ClientIdentity identity{.domain = text(session.json, "domain"),
                          .user = text(session.json, "user"),
                          .workstation = text(session.json, "workstation"),
                          .nt_hash = unhex_key(session.key("nt_hash")),
                          .lm_hash = std::nullopt};
  if (session.uses_lm_hash()) identity.lm_hash = unhex_key(session.key("lm_hash"));
  return identity;
}

ClientPolicy policy_of(const Session& session) {
  const std::uint32_t offered = session.flags("negotiate");
  ClientPolicy policy;
  policy.response = session.response();
  policy.extended_session_security = session.has_ess();
  policy.lm_key = (offered & kLmKey) != 0;
  policy.key_exchange = (offered & kKeyExch) != 0;
  policy.offer_128 = (offered & k128) != 0;
  policy.offer_56 = (offered & k56) != 0;
  policy.minimum_strength = 40;
  policy.send_version = (offered & kVersion) != 0;
  policy.oem_names_in_negotiate = (offered & kOem) != 0;
  policy.echo_target_type = policy.oem_names_in_negotiate;
  return policy;
}

ClientNonces nonces_of(const Session& session) {
  return {.client_challenge = session.client_challenge(),
          .random_session_key = unhex_key(session.key("exported_session_key"))};
}

constexpr AccountRequirements kAnything{.minimum_response = Response::lm, .minimum_strength = 40};

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_recorded_sessions)

BOOST_AUTO_TEST_CASE(the_file_holds_every_variant) {
  std::map<std::string, int> variants;
  for (const Session& session : sessions()) ++variants[text(session.json, "variant")];
  BOOST_TEST(variants.size() == 4U);
  BOOST_TEST(sessions().size() == 16U);
}

BOOST_AUTO_TEST_CASE(hashes_are_those_of_the_passwords) {
  const auto engine = shared_engine();
  for (const Session& session : sessions()) {
    const std::string password = text(session.json, "password");
    const auto nt = nt_hash(*engine, password);
    BOOST_TEST(hex(nt->octets()) == session.key("nt_hash"));
    BOOST_TEST(hex(lm_hash(*engine, password)->octets()) == session.key("lm_hash"));
    const std::string v2 = session.key("ntlmv2_hash");
    if (v2.empty()) continue;
    const Parts parts = parts_of(session);
    BOOST_TEST(hex(ntlmv2_hash(*engine, *nt, parts.user, parts.domain).octets()) == v2);
  }
}

BOOST_AUTO_TEST_CASE(responses_are_reproduced) {
  const auto engine = shared_engine();
  for (const Session& session : sessions()) {
    BOOST_TEST_CONTEXT(text(session.json, "name")) {
      const auto nt = unhex_key(session.key("nt_hash"));
      const auto lm = unhex_key(session.key("lm_hash"));
      const Challenge8 challenge = session.server_challenge();
      switch (session.response()) {
        case Response::ntlmv2: {
          const auto hash = unhex_key(session.key("ntlmv2_hash"));
          const Bytes blob = session.octets("ntlmv2_blob");
          const auto proof = ntlmv2_proof(*engine, hash, challenge, blob);
          BOOST_TEST(hex(join(proof, blob)) == text(session.json, "nt_response"));
          BOOST_TEST(hex(ntlmv2_session_base_key(*engine, hash, proof).octets()) ==
                     session.key("session_base_key"));
          break;
        }
        case Response::ntlm2_session:
          BOOST_TEST(hex(ntlm2_session_response(*engine, nt, challenge, session.client_challenge())) ==
                     text(session.json, "nt_response"));
          BOOST_TEST(hex(ntlm2_session_lm_field(session.client_challenge())) ==
                     text(session.json, "lm_response"));
          break;
        default:
          BOOST_TEST(hex(classic_response(*engine, nt, challenge)) == text(session.json, "nt_response"));
          BOOST_TEST(hex(classic_response(*engine, session.uses_lm_hash() ? lm : nt, challenge)) ==
                     text(session.json, "lm_response"));
      }
    }
  }
}

// Samba ends the AV pairs with MsvAvEOL alone; [MS-NLMP] 3.3.2 puts four zero octets behind it.
BOOST_AUTO_TEST_CASE(ntlmv2_blobs_are_rebuilt_from_their_parts) {
  for (const Session& session : sessions()) {
    if (session.response() != Response::ntlmv2) continue;
    const Bytes blob = session.octets("ntlmv2_blob");
    const auto pairs = AvPairs::decode(ByteSpan(blob).subspan(kBlobFixedSize)).value();
    Bytes list;
    for (const AvPair& pair : pairs.pairs()) append_av(list, pair.id, pair.value);
    append_av(list, AvId::eol, {});
    const Bytes rebuilt = ntlmv2_blob(*pairs.timestamp(), session.client_challenge(), list);
    BOOST_TEST(hex(rebuilt) == hex(blob) + "00000000");
  }
}

BOOST_AUTO_TEST_CASE(key_schedules_are_reproduced) {
  const auto engine = shared_engine();
  for (const Session& session : sessions()) {
    BOOST_TEST_CONTEXT(text(session.json, "name")) {
      const std::uint32_t flags = session.flags("authenticate");
      if (session.response() != Response::ntlmv2) {
        BOOST_TEST(hex(session_base_key_v1(*engine, unhex_key(session.key("nt_hash"))).octets()) ==
                   session.key("session_base_key"));
      }
      const auto base = unhex_key(session.key("session_base_key"));
      const auto lm = unhex_key(session.key("lm_hash"));
      const Challenge8 challenge = session.server_challenge();
      const Bytes lm_response = session.octets("lm_response");
      const auto exchange = key_exchange_key(*engine,
                                             {.flags = flags,
                                              .response = session.response(),
                                              .server_challenge = challenge,
                                              .lm_response = lm_response,
                                              .lm_hash = &lm},
                                             base);
      BOOST_TEST(hex(exchange.octets()) == session.key("key_exchange_key"));

      const auto exported = unhex_key(session.key("exported_session_key"));
      for (const Role sender : {Role::client, Role::server}) {
        const std::string side = sender == Role::client ? "client_" : "server_";
        const std::string want_seal =
            session.has_ess() ? session.key(side + "seal_key") : session.key("seal_key");
        BOOST_TEST(hex(seal_key(*engine, flags, exported.octets(), sender).span()) == want_seal);
        if (!session.has_ess()) continue;
        BOOST_TEST(hex(sign_key(*engine, exported.octets(), sender).octets()) ==
                   session.key(side + "sign_key"));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(negotiate_messages_are_reproduced) {
  for (const Session& session : sessions()) {
    Client client(shared_engine(), identity_of(session), policy_of(session), nonces_of(session));
    BOOST_TEST(hex(client.negotiate().value()) == text(session.json, "negotiate"));
  }
}

BOOST_AUTO_TEST_CASE(challenge_messages_are_reproduced_by_the_encoder) {
  for (const Session& session : sessions()) {
    const Bytes wire = session.octets("challenge");
    auto message = decode_challenge(wire).value();
    BOOST_TEST(hex(message.server_challenge) == text(session.json, "server_challenge"));
    BOOST_TEST(hex(message.target_info) == text(session.json, "target_info"));
    // gss-ntlmssp leaves the names where they are and names a version of its own.
    if ((message.flags & kVersion) != 0) message.version = unhex_array<8>(hex(ByteSpan(wire).subspan(48, 8)));
    Bytes again = encode_challenge(message);
    // An empty TargetInfo may point anywhere; Samba says offset 68, behind its message.
    if (message.target_info.empty()) std::copy_n(wire.begin() + 44, 4, again.begin() + 44);
    BOOST_TEST(hex(again) == hex(wire));
  }
}

// Both clients write responses first. Samba leaves room for a MIC and fills it always; gss-ntlmssp writes a
// version of zeros.
BOOST_AUTO_TEST_CASE(authenticate_messages_are_reproduced_by_the_encoder) {
  for (const Session& session : sessions()) {
    BOOST_TEST_CONTEXT(text(session.json, "name")) {
      const bool is_samba = text(session.json, "client").starts_with("Samba");
      const Parts parts = parts_of(session);
      Bytes wire = encode_authenticate({.flags = session.flags("authenticate"),
                                        .lm_response = parts.lm,
                                        .nt_response = parts.nt,
                                        .domain = parts.domain,
                                        .user = parts.user,
                                        .workstation = parts.workstation,
                                        .encrypted_session_key = parts.key,
                                        .version = is_samba ? kOurVersion : Version{},
                                        .has_mic_room = is_samba},
                                       PayloadOrder::responses_first);
      if (is_samba) {
        const auto mic = compute_mic(*shared_engine(), unhex_key(session.key("exported_session_key")),
                                     {session.octets("negotiate"), session.octets("challenge"), wire});
        std::ranges::copy(mic, wire.begin() + kMicOffset);
      }
      BOOST_TEST(hex(wire) == text(session.json, "authenticate"));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_client_answers_recorded_challenges_as_recorded) {
  for (const Session& session : sessions()) {
    BOOST_TEST_CONTEXT(text(session.json, "name")) {
      const std::uint32_t flags = session.flags("authenticate");
      Client client(shared_engine(), identity_of(session), policy_of(session), nonces_of(session));
      BOOST_REQUIRE(client.negotiate().has_value());
      const auto wire = client.authenticate(session.octets("challenge"), 0);
      BOOST_REQUIRE(wire.has_value());
      const auto message = decode_authenticate(*wire).value();
      const Parts parts = parts_of(session);
      BOOST_TEST(message.flags == flags);
      BOOST_TEST(hex(message.lm_response) == hex(parts.lm));
      BOOST_TEST(hex(message.domain) == hex(parts.domain));
      BOOST_TEST(hex(message.user) == hex(parts.user));
      BOOST_TEST(hex(message.workstation) == hex(parts.workstation));
      const Outcome outcome = client.take_outcome();
      if (session.response() != Response::ntlmv2) {
        // An NTLMv2 response differs, and the keys with it: Samba adds AV pairs of its own.
        BOOST_TEST(hex(message.nt_response) == hex(parts.nt));
        BOOST_TEST(hex(message.encrypted_session_key) == hex(parts.key));
        BOOST_TEST(hex(outcome.exported_session_key.octets()) == session.key("exported_session_key"));
      }
      BOOST_TEST(outcome.strength == seal_strength(flags));
      BOOST_TEST(outcome.sealed);
    }
  }
}

// The recorded server's CHALLENGE is not ours, so the nonce is taken over and the MIC, which covers the
// CHALLENGE, is made anew.
BOOST_AUTO_TEST_CASE(the_server_accepts_recorded_clients_and_derives_their_key) {
  const auto engine = shared_engine();
  for (const Session& session : sessions()) {
    BOOST_TEST_CONTEXT(text(session.json, "name")) {
      ServerPolicy policy;
      policy.netbios_domain = text(session.json, "domain");
      policy.netbios_computer = "EXCHSRV";
      Server server(engine, std::make_shared<const ServerPolicy>(policy), {session.server_challenge()});
      const Bytes negotiate = session.octets("negotiate");
      const auto now = session.json.contains("timestamp_filetime")
                           ? session.json.at("timestamp_filetime").to_number<std::uint64_t>()
                           : 0;
      const auto challenge = server.challenge(negotiate, now);
      BOOST_REQUIRE(challenge.has_value());

      Bytes authenticate = session.octets("authenticate");
      const bool has_mic = session.response() == Response::ntlmv2;
      if (has_mic) {
        const auto mic = compute_mic(*engine, unhex_key(session.key("exported_session_key")),
                                     {negotiate, *challenge, authenticate});
        std::ranges::copy(mic, authenticate.begin() + kMicOffset);
      }
      const auto claim = server.claim(authenticate);
      BOOST_REQUIRE(claim.has_value());
      BOOST_TEST(claim->user == text(session.json, "user"));
      BOOST_TEST(claim->domain == text(session.json, "domain"));
      BOOST_TEST(claim->workstation == text(session.json, "workstation"));

      const auto nt = unhex_key(session.key("nt_hash"));
      const auto lm = unhex_key(session.key("lm_hash"));
      const auto outcome = server.verify(AccountSecret{&nt, &lm}, kAnything, now);
      BOOST_REQUIRE(outcome.has_value());
      BOOST_TEST(hex(outcome->exported_session_key.octets()) == session.key("exported_session_key"));
      BOOST_CHECK(outcome->response == session.response());
      BOOST_TEST(outcome->mic_verified == has_mic);
      BOOST_TEST(outcome->strength == seal_strength(session.flags("authenticate")));
    }
  }
}

BOOST_AUTO_TEST_CASE(recorded_mics_verify) {
  for (const Session& session : sessions()) {
    if (session.response() != Response::ntlmv2) continue;
    const auto mic = compute_mic(
        *shared_engine(), unhex_key(session.key("exported_session_key")),
        {session.octets("negotiate"), session.octets("challenge"), session.octets("authenticate")});
    BOOST_TEST(hex(mic) == text(session.json, "mic"));
  }
}

BOOST_AUTO_TEST_CASE(every_record_is_sealed_and_unsealed_as_recorded) {
  const auto engine = shared_engine();
  std::size_t records = 0;
  for (const Session& session : sessions()) {
    BOOST_TEST_CONTEXT(text(session.json, "name")) {
      const auto key = unhex_key(session.key("exported_session_key"));
      const std::uint32_t flags = session.flags("authenticate");
      SealContext client(*engine, Role::client, flags, key.octets());
      SealContext server(*engine, Role::server, flags, key.octets());
      BOOST_TEST(client.is_half_duplex() == !session.has_ess());
      for (const auto& value : session.json.at("records_in_delivery_order").as_array()) {
        const Object& record = value.as_object();
        const bool from_client = text(record, "direction") == "C2S";
        const Bytes plain = unhex(text(record, "plaintext"));
        const Bytes token = unhex(text(record, "token"));

        Bytes data = plain;
        std::array<std::byte, kSignatureSize> signature{};
        (from_client ? client : server).seal(data, signature);
        BOOST_TEST(comparable(join(signature, data), session.has_ess()) ==
                   comparable(token, session.has_ess()));

        Bytes received(token.begin() + kSignatureSize, token.end());
        const auto unsealed =
            (from_client ? server : client).unseal(received, ByteSpan(token).first<kSignatureSize>());
        BOOST_TEST(unsealed.has_value());
        BOOST_TEST(hex(received) == hex(plain));
        ++records;
      }
    }
  }
  BOOST_TEST(records == 96U);
}

BOOST_AUTO_TEST_CASE(documented_examples_are_reproduced) {
  const auto engine = shared_engine();
  for (const auto& value : recorded().at("documented").as_array()) {
    const Session example(value.as_object());
    BOOST_TEST_CONTEXT(text(example.json, "name")) {
      const std::uint32_t flags = number(text(example.json, "flags"));
      const bool has_ess = (flags & kExtendedSessionSecurity) != 0;
      const auto exported = unhex_key(text(example.json, "exported_session_key"));
      for (const Role sender : {Role::client, Role::server}) {
        const std::string side = sender == Role::client ? "client_" : "server_";
        BOOST_TEST(hex(seal_key(*engine, flags, exported.octets(), sender).span()) ==
                   example.key(has_ess ? side + "seal_key" : "seal_key"));
        if (!has_ess) continue;
        BOOST_TEST(hex(sign_key(*engine, exported.octets(), sender).octets()) ==
                   example.key(side + "sign_key"));
      }
      Bytes data = unhex(text(example.json, "plaintext"));
      std::array<std::byte, kSignatureSize> signature{};
      SealContext client(*engine, Role::client, flags, exported.octets());
      client.seal(data, signature);
      BOOST_TEST(comparable(join(signature, data), has_ess) ==
                 comparable(unhex(text(example.json, "token")), has_ess));
    }
  }
}

// A Windows server without a stored LM hash computes LM_KEY keys with zeros in its place.
BOOST_AUTO_TEST_CASE(a_missing_lm_hash_counts_as_zeros_as_windows_does_it) {
  const auto engine = shared_engine();
  const Object& seen = recorded().at("windows_observation").as_object();
  const auto lm = lm_hash(*engine, text(seen, "password"));
  BOOST_REQUIRE(lm.has_value());
  BOOST_TEST(hex(lm->octets()) == text(seen, "lm_hash"));
  const Challenge8 challenge = unhex_array<8>(text(seen, "server_challenge"));
  const auto response = classic_response(*engine, *lm, challenge);
  BOOST_TEST(hex(response) == text(seen, "lm_response"));

  const auto base = session_base_key_v1(*engine, nt_hash(*engine, text(seen, "password")).value());
  KeyExchangeInput input{.flags = number(text(seen, "flags_negotiate")),
                         .response = Response::ntlmv1,
                         .server_challenge = challenge,
                         .lm_response = response,
                         .lm_hash = &*lm};
  BOOST_TEST(hex(key_exchange_key(*engine, input, base).octets()) == text(seen, "kxkey_with_the_lm_hash"));
  input.lm_hash = nullptr;
  BOOST_TEST(hex(key_exchange_key(*engine, input, base).octets()) == text(seen, "kxkey_windows_server"));
}

BOOST_AUTO_TEST_SUITE_END()
