// Our side of a live session, driven by another program over standard input and output.
//
// usage: ntlm-peer client|server [NAME=VALUE...]
//   account=USER password=TEXT        who the client is, or the only account of the server
//   response=v1|ntlm2|v2              client: the kind it sends; server: the least it takes (default v2)
//   strength=40|56|128 key_exchange=yes|no lm_key=yes|no
// Each line of input gets one line of output; octets are in hexadecimal:
//   token [MESSAGE]   -> token MESSAGE | done RESPONSE STRENGTH DUPLEX [MESSAGE] | error TEXT
//   seal DATA         -> record SIGNATURE_AND_DATA
//   unseal RECORD     -> data DATA | error TEXT
#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "smtpseal/ntlm/client.hpp"
#include "smtpseal/ntlm/filetime.hpp"
#include "smtpseal/ntlm/hashes.hpp"
#include "smtpseal/ntlm/seal_context.hpp"
#include "smtpseal/ntlm/server.hpp"

namespace {

using namespace smtpseal;
using namespace smtpseal::ntlm;

using Options = std::map<std::string, std::string>;

Bytes unhex(const std::string& text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string hex(ByteSpan bytes) {
  std::string text;
  for (const std::byte octet : bytes) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(octet >> 4)];
    text += "0123456789abcdef"[std::to_integer<unsigned>(octet & std::byte{15})];
  }
  return text;
}

Response response_of(const Options& options) {
  const std::string& text = options.at("response");
  if (text == "v1") return Response::ntlmv1;
  return text == "ntlm2" ? Response::ntlm2_session : Response::ntlmv2;
}

ClientPolicy client_policy(const Options& options) {
  const auto strength = static_cast<unsigned>(std::stoul(options.at("strength")));
  ClientPolicy policy = modern_policy(true, strength);
  policy.response = response_of(options);
  policy.extended_session_security = policy.response >= Response::ntlm2_session;
  policy.offer_128 = strength == 128;
  policy.offer_56 = strength == 56;
  policy.key_exchange = options.at("key_exchange") == "yes";
  policy.lm_key = options.at("lm_key") == "yes";
  policy.target_name = "SMTPSVC/mx.partner.example";
  return policy;
}

// Either side of the exchange: one message in, one message or the outcome out.
class Side {
 public:
  Side() = default;
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;
  virtual ~Side() = default;
  virtual Result<Bytes> step(ByteSpan token) = 0;
  [[nodiscard]] virtual Role role() const = 0;
  std::optional<Outcome> outcome;
};

class ClientSide : public Side {
 public:
  ClientSide(const std::shared_ptr<const crypto::Engine>& engine, const Options& options)
      : client_(engine,
                {.domain = "INTELLINET",
                 .user = options.at("account"),
                 .workstation = "HONORS",
                 .nt_hash = nt_hash(*engine, options.at("password")).value(),
                 .lm_hash = lm_hash(*engine, options.at("password"))},
                client_policy(options), draw_nonces(*engine)) {}

  Result<Bytes> step(ByteSpan token) override {
    if (token.empty()) return client_.negotiate();
    auto message = client_.authenticate(token, ntlm::filetime_now());
    if (message) outcome = client_.take_outcome();
    return message;
  }
  [[nodiscard]] Role role() const override { return Role::client; }

 private:
  Client client_;
};

class ServerSide : public Side {
 public:
  ServerSide(const std::shared_ptr<const crypto::Engine>& engine, const Options& options)
      : account_(options.at("account")),
        nt_(nt_hash(*engine, options.at("password")).value()),
        lm_(lm_hash(*engine, options.at("password"))),
        required_{response_of(options), static_cast<unsigned>(std::stoul(options.at("strength")))},
        server_(engine, policy(options), draw_server_nonce(*engine)) {}

  Result<Bytes> step(ByteSpan token) override {
    const std::uint64_t now = ntlm::filetime_now();
    if (!challenged_) {
      challenged_ = true;
      return server_.challenge(token, now);
    }
    const auto claim = server_.claim(token);
    if (!claim) return claim.error();
    std::optional<AccountSecret> secret;
    if (claim->user == account_) secret = AccountSecret{&nt_, lm_ ? &*lm_ : nullptr};
    auto verdict = server_.verify(secret, required_, now);
    if (!verdict) return verdict.error();
    outcome = std::move(*verdict);
    return Bytes();
  }
  [[nodiscard]] Role role() const override { return Role::server; }

 private:
  static std::shared_ptr<const ServerPolicy> policy(const Options& options) {
    ServerPolicy policy;
    policy.netbios_domain = "PARTNER";
    policy.netbios_computer = "MX";
    policy.dns_computer = "mx.partner.example";
    policy.dns_domain = "partner.example";
    policy.allow_lm_key = options.at("lm_key") == "yes";
    return std::make_shared<const ServerPolicy>(std::move(policy));
  }

  std::string account_;
  crypto::Key16 nt_;
  std::optional<crypto::Key16> lm_;
  AccountRequirements required_;
  Server server_;
  bool challenged_ = false;
};

class Peer {
 public:
  Peer(const std::string& role, const Options& options) : engine_(crypto::Engine::create().value()) {
    if (role == "client") {
      side_ = std::make_unique<ClientSide>(engine_, options);
    } else {
      side_ = std::make_unique<ServerSide>(engine_, options);
    }
  }

  std::string answer(const std::string& verb, const Bytes& octets) {
    if (verb == "token") return token(octets);
    if (!records_) throw std::runtime_error("no session yet");
    if (verb == "seal") return seal(octets);
    if (verb == "unseal" && octets.size() >= kSignatureSize) return unseal(octets);
    throw std::runtime_error("not a command: " + verb);
  }

 private:
  std::string token(const Bytes& octets) {
    const auto message = side_->step(octets);
    if (!message) return "error " + message.error().message();
    if (!side_->outcome) return "token " + hex(*message);
    const Outcome& outcome = *side_->outcome;
    records_.emplace(*engine_, side_->role(), outcome.flags, outcome.exported_session_key.octets());
    return "done " + std::string(name(outcome.response)) + " " + std::to_string(outcome.strength) + " " +
           (records_->is_half_duplex() ? "half" : "full") + " " + hex(*message);
  }
  std::string seal(const Bytes& plain) {
    Bytes record(kSignatureSize + plain.size());
    const std::span all(record);
    records_->seal(plain, all.subspan(kSignatureSize), all.first<kSignatureSize>());
    return "record " + hex(record);
  }
  std::string unseal(const Bytes& record) {
    Bytes data(record.begin() + kSignatureSize, record.end());
    const auto verdict = records_->unseal(data, std::span(record).first<kSignatureSize>());
    return verdict ? "data " + hex(data) : "error " + verdict.error().message();
  }

  std::shared_ptr<const crypto::Engine> engine_;
  std::unique_ptr<Side> side_;
  std::optional<SealContext> records_;
};

Options parse_options(int count, char** arguments) {
  Options options{{"account", "Doug"}, {"password", ""},        {"response", "v2"},
                  {"strength", "128"}, {"key_exchange", "yes"}, {"lm_key", "no"}};
  for (int i = 2; i < count; ++i) {
    const std::string text = arguments[i];
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || !options.contains(text.substr(0, equals))) {
      throw std::runtime_error("not an option: " + text);
    }
    options[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return options;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count < 2) throw std::runtime_error("usage: ntlm-peer client|server [NAME=VALUE...]");
    Peer peer(arguments[1], parse_options(count, arguments));
    for (std::string line; std::getline(std::cin, line);) {
      const std::size_t space = line.find(' ');
      const std::string octets = space == std::string::npos ? "" : line.substr(space + 1);
      std::cout << peer.answer(line.substr(0, space), unhex(octets)) << std::endl;
    }
  } catch (const std::exception& problem) {
    std::cerr << "ntlm-peer: " << problem.what() << '\n';
    return 1;
  }
  return 0;
}
