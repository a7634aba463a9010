#include "messages.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "smtpseal/ntlm/authenticate.hpp"
#include "smtpseal/ntlm/av_pairs.hpp"
#include "smtpseal/ntlm/challenge.hpp"
#include "smtpseal/ntlm/negotiate.hpp"
#include "smtpseal/ntlm/responses.hpp"
#include "smtpseal/ntlm/text.hpp"

namespace smtpseal::analyze {

namespace {

using Facts = std::vector<Fact>;

constexpr std::uint64_t kUnixEpoch = 116444736000000000;  // 1970-01-01 as a FILETIME
constexpr std::uint64_t kFiletimeSecond = 10'000'000;

std::string flags_text(std::uint32_t flags) {
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "0x%08x", static_cast<unsigned>(flags));
  return std::string(number.data()) + " " + ntlm::describe_flags(flags);
}

std::string name_text(ByteSpan wire, ntlm::Charset charset) {
  auto text = ntlm::decode_text(wire, charset);
  return text ? *text : "not readable: " + hex_text(wire);
}

std::string time_text(std::uint64_t filetime) {
  if (filetime < kUnixEpoch) return "before 1970";
  const auto seconds = static_cast<std::time_t>((filetime - kUnixEpoch) / kFiletimeSecond);
  std::tm parts{};
  std::array<char, 40> text{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return "beyond any calendar";
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

void add_name(Facts& facts, const std::string& name, ByteSpan wire, ntlm::Charset charset) {
  if (!wire.empty()) facts.push_back({name, name_text(wire, charset)});
}

ntlm::Charset charset_of(std::uint32_t flags) {
  return (flags & ntlm::kUnicode) != 0 ? ntlm::Charset::unicode : ntlm::Charset::oem;
}

Facts unreadable(ByteSpan wire, const ErrorCode& error) {
  if (wire.empty()) return {{"message", "there is none"}};
  return {{"message", error.message()},
          {"octets", hex_text(wire.first(std::min<std::size_t>(wire.size(), 64)))}};
}

std::string av_name(ntlm::AvId id) {
  switch (id) {
    case ntlm::AvId::nb_computer_name:
      return "NetBIOS computer";
    case ntlm::AvId::nb_domain_name:
      return "NetBIOS domain";
    case ntlm::AvId::dns_computer_name:
      return "DNS computer";
    case ntlm::AvId::dns_domain_name:
      return "DNS domain";
    case ntlm::AvId::dns_tree_name:
      return "DNS tree";
    case ntlm::AvId::target_name:
      return "target name";
    case ntlm::AvId::flags:
      return "flags";
    case ntlm::AvId::timestamp:
      return "time";
    case ntlm::AvId::channel_bindings:
      return "channel bindings";
    case ntlm::AvId::single_host:
      return "single host";
    case ntlm::AvId::eol:
      break;
  }
  return "number " + std::to_string(static_cast<unsigned>(id));
}

std::string av_flags_text(std::uint32_t flags) {
  std::string text;
  if ((flags & ntlm::kAvFlagMicPresent) != 0) text += "MIC present, ";
  if ((flags & ntlm::kAvFlagUntrustedSpn) != 0) text += "target name not verified, ";
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "0x%x", static_cast<unsigned>(flags));
  return text + number.data();
}

bool is_zero(ByteSpan octets) {
  return std::ranges::all_of(octets, [](std::byte octet) { return octet == std::byte{0}; });
}

std::string av_value(const ntlm::AvPair& pair) {
  switch (pair.id) {
    case ntlm::AvId::nb_computer_name:
    case ntlm::AvId::nb_domain_name:
    case ntlm::AvId::dns_computer_name:
    case ntlm::AvId::dns_domain_name:
    case ntlm::AvId::dns_tree_name:
    case ntlm::AvId::target_name:
      return name_text(pair.value, ntlm::Charset::unicode);
    case ntlm::AvId::flags:
      return av_flags_text(load_u32le(pair.value.data()));
    case ntlm::AvId::timestamp:
      return time_text(ByteReader(pair.value).u64le());
    case ntlm::AvId::channel_bindings:
      return is_zero(pair.value) ? "none (zeros)" : hex_text(pair.value);
    default:
      return hex_text(pair.value);
  }
}

void add_av_pairs(Facts& facts, ByteSpan wire) {
  const auto list = ntlm::AvPairs::decode(wire);
  if (!list) {
    facts.push_back({"AV pairs", list.error().message()});
    return;
  }
  for (const auto& pair : list->pairs()) facts.push_back({"AV " + av_name(pair.id), av_value(pair)});
}

}  // namespace

Facts describe_negotiate(ByteSpan wire) {
  const auto message = ntlm::decode_negotiate(wire);
  if (!message) return unreadable(wire, message.error());
  Facts facts{{"flags", flags_text(message->flags)}};
  add_name(facts, "domain", message->domain, ntlm::Charset::oem);
  add_name(facts, "workstation", message->workstation, ntlm::Charset::oem);
  return facts;
}

Facts describe_challenge(ByteSpan wire) {
  const auto message = ntlm::decode_challenge(wire);
  if (!message) return unreadable(wire, message.error());
  Facts facts{{"flags", flags_text(message->flags)}, {"challenge", hex_text(message->server_challenge)}};
  add_name(facts, "target", message->target_name, charset_of(message->flags));
  if (!message->target_info.empty()) add_av_pairs(facts, message->target_info);
  return facts;
}

Facts describe_authenticate(const ntlm::Transcript& messages) {
  const auto message = ntlm::decode_authenticate(messages.authenticate);
  if (!message) return unreadable(messages.authenticate, message.error());
  Facts facts{{"flags", flags_text(message->flags)}};
  const auto charset = charset_of(message->flags);
  add_name(facts, "domain", message->domain, charset);
  add_name(facts, "user", message->user, charset);
  add_name(facts, "workstation", message->workstation, charset);
  const auto claim = ntlm::read_claim(messages);
  if (!claim) {
    facts.push_back({"problem", claim.error().message()});
    return facts;
  }
  facts.push_back({"response", std::string(ntlm::name(claim->response))});
  if (claim->response == ntlm::Response::ntlmv2) {
    facts.push_back({"time", time_text(*claim->time)});
    facts.push_back({"MIC", claim->announces_mic ? "present" : "none"});
    add_av_pairs(facts, message->nt_response.subspan(ntlm::kProofSize + ntlm::kBlobFixedSize));
  }
  facts.push_back({"session key", message->encrypted_session_key.empty() ? "not sent" : "sent encrypted"});
  if (claim->flags_not_granted != 0)
    facts.push_back({"not granted", ntlm::describe_flags(claim->flags_not_granted)});
  return facts;
}

std::string hex_text(ByteSpan octets) {
  std::string text;
  for (const std::byte octet : octets) {
    std::array<char, 4> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", std::to_integer<unsigned>(octet));
    text += digits.data();
  }
  return text;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\\\";
    } else if ((c >= 0x20 && c < 0x7F) || c == '\t') {
      result += c;
    } else {
      std::array<char, 8> digits{};
      std::snprintf(digits.data(), digits.size(), "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      result += digits.data();
    }
  }
  return result;
}

}  // namespace smtpseal::analyze
