#include "smtpseal/ntlm/wire.hpp"

#include <string_view>
#include <utility>

namespace smtpseal::ntlm {

std::string describe_flags(std::uint32_t flags) {
  static constexpr std::pair<Flag, std::string_view> names[] = {
      {kUnicode, "UNICODE"},
      {kOem, "OEM"},
      {kRequestTarget, "REQUEST_TARGET"},
      {kSign, "SIGN"},
      {kSeal, "SEAL"},
      {kDatagram, "DATAGRAM"},
      {kLmKey, "LM_KEY"},
      {kNtlm, "NTLM"},
      {kAnonymous, "ANONYMOUS"},
      {kOemDomainSupplied, "OEM_DOMAIN_SUPPLIED"},
      {kOemWorkstationSupplied, "OEM_WORKSTATION_SUPPLIED"},
      {kAlwaysSign, "ALWAYS_SIGN"},
      {kTargetTypeDomain, "TARGET_TYPE_DOMAIN"},
      {kTargetTypeServer, "TARGET_TYPE_SERVER"},
      {kExtendedSessionSecurity, "EXTENDED_SESSIONSECURITY"},
      {kIdentify, "IDENTIFY"},
      {kRequestNonNtSessionKey, "REQUEST_NON_NT_SESSION_KEY"},
      {kTargetInfo, "TARGET_INFO"},
      {kVersion, "VERSION"},
      {k128, "128"},
      {kKeyExch, "KEY_EXCH"},
      {k56, "56"},
  };
  std::string text;
  for (const auto& [flag, name] : names) {
    if ((flags & flag) == 0) continue;
    if (!text.empty()) text += ',';
    text += name;
  }
  return text;
}

}  // namespace smtpseal::ntlm
