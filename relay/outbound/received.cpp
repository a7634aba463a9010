#include "outbound/received.hpp"

#include <array>

namespace smtpseal::relay {
namespace {

// A name that came from outside, fit for a header: letters, digits and what host names and literals are made
// of.
std::string host_token(const std::string& text) {
  std::string token;
  for (const char c : text.substr(0, 255)) {
    const bool safe = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                      c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
    token += safe ? c : '?';
  }
  return token.empty() ? "unknown" : token;
}

std::string login_text(const session::SessionSecurity& security) {
  if (security.mechanism.empty()) return "not authenticated";
  std::string text = host_token(security.mechanism) + " authenticated";
  if (security.response) text += " with " + std::string(ntlm::name(*security.response));
  if (security.is_proven_sealed())
    return text + ", sealed with RC4, " + std::to_string(security.bits) + " bits";
  return text + ", not sealed";
}

std::string tls_text(const session::Tls& tls, const std::string& verified) {
  std::string text = host_token(tls.version) + " with cipher " + host_token(tls.cipher) + " (" +
                     std::to_string(tls.bits) + " bits), certificate ";
  if (verified == "no") return text + "not verified";
  return text + "verified" + (verified == "fingerprint" ? " by fingerprint" : "");
}

std::string protection(const ReceivedFacts& facts) {
  std::string text = login_text(facts.security);
  if (facts.security.tls) text += ";\r\n\t" + tls_text(*facts.security.tls, facts.verified);
  return text;
}

}  // namespace

std::string rfc5322_date(std::time_t now) {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d +0000",
                kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                utc.tm_sec);
  return text.data();
}

std::string received_line(const ReceivedFacts& facts) {
  return "Received: from " + host_token(facts.from) + " by " + host_token(facts.by) +
         " (smtpseal-relay) with LMTP id " + facts.id + "\r\n\t(next hop " + host_token(facts.next_hop) +
         ": " + protection(facts) + ");\r\n\t" + rfc5322_date(facts.now) + "\r\n";
}

}  // namespace smtpseal::relay
