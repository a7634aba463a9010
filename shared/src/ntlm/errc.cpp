#include "smtpseal/ntlm/errc.hpp"

#include <string>

namespace smtpseal::ntlm {

namespace {

const char* text(int value) {
  switch (static_cast<errc>(value)) {
    case errc::truncated:
      return "NTLM message is truncated";
    case errc::bad_signature:
      return "not the NTLM message expected here";
    case errc::bad_offset:
      return "NTLM message field points outside its place";
    case errc::bad_av_pairs:
      return "NTLM target information is malformed";
    case errc::bad_string:
      return "NTLM message holds a malformed name";
    case errc::too_long:
      return "NTLM message is too long";
    case errc::out_of_order:
      return "NTLM message out of order";
    case errc::anonymous:
      return "anonymous NTLM authentication is not accepted";
    case errc::no_common_encoding:
      return "no common NTLM character set";
    case errc::weak_response:
      return "NTLM response is of a weaker kind than required";
    case errc::weak_strength:
      return "NTLM key is weaker than required";
    case errc::seal_not_negotiated:
      return "peer does not agree to NTLM encryption";
    case errc::flags_changed:
      return "NTLM flags were not agreed on";
    case errc::lm_hash_unavailable:
      return "LM key needs an LM hash and there is none";
    case errc::wrong_credentials:
      return "wrong user name or password";
    case errc::mic_mismatch:
      return "NTLM messages were altered in transit";
    case errc::mic_missing:
      return "NTLM message announces a MIC and has none";
    case errc::challenge_changed:
      return "the client answered an NTLM challenge that was altered in transit";
    case errc::bindings_mismatch:
      return "NTLM channel bindings are missing or different";
    case errc::stale_timestamp:
      return "NTLM time stamp is too far from the clock of this host";
    case errc::record_too_short:
      return "sealed record is shorter than its signature";
    case errc::record_mismatch:
      return "sealed record was altered, replayed or reordered";
  }
  return "unknown NTLM error";
}

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "ntlm"; }
  std::string message(int value) const override { return text(value); }
};

}  // namespace

const boost::system::error_category& category() {
  static const Category instance;
  return instance;
}

}  // namespace smtpseal::ntlm
