// The status header fields as strangers send them. A status that is read is written and read again to the
// same; no field whose authserv-id is found to be ours is taken for another's.
#include <string>

#include "fuzz.hpp"
#include "smtpseal/status/authentication_results.hpp"
#include "smtpseal/status/forged.hpp"
#include "smtpseal/status/status_header.hpp"

using namespace smtpseal;
using fuzz::require;

namespace {

std::string written(const status::Status& status) {
  return status.by.empty() ? status::format_session(status.security)
                           : status::format_status(status, status::ShowAccount::yes);
}

void check_status(std::string_view text) {
  const auto status = status::parse_status(text);
  if (!status) return;
  // What the session map answers has no would-reject=, and format_session() takes none.
  if (status->by.empty() && !status->would_reject.empty()) return;
  const std::string once = written(*status);
  require(once.find_first_of("\r\n\t") == std::string::npos);
  const auto again = status::parse_status(once);
  require(again.has_value() && written(*again) == once);
  require(again->security.is_proven_sealed() == status->security.is_proven_sealed());
  const auto folded = status::parse_status(status::fold(once, status::kStatusHeader.size()));
  require(folded.has_value() && written(*folded) == once);
  require(status::is_forged(status::kStatusHeader, text, "mx.example.com") ==
          (status->by.empty() || status::is_same_host(status->by, "mx.example.com")));
}

void check_results(std::string_view text) {
  const auto id = status::authserv_id_of(text);
  if (!id) {
    if (text.find("mx.example.com") != std::string_view::npos)
      require(status::is_forged(status::kResultsHeader, text, "mx.example.com"));
    return;
  }
  require(!id->empty() && status::is_same_host(*id, *id));
  require(status::is_forged(status::kResultsHeader, text, *id));
  if (status::is_same_host(*id, "mx.example.com"))
    require(status::is_forged(status::kResultsHeader, text, "mx.example.com"));
}

// What is written of a session, whatever its texts hold, can be read. `text` is as long as an account can be.
void check_writing(const std::string& text) {
  session::SessionSecurity security;
  security.protection = session::Protection::sealed;
  security.bits = 40;
  security.mechanism = security.account = security.peer_name = text;
  security.octets_sealed = security.octets_unsealed = text.size();
  const std::string value =
      status::format_status({security, "mx.example.com", text}, status::ShowAccount::yes);
  require(status::parse_status(value).has_value());
  require(status::is_forged(status::kStatusHeader, value, "mx.example.com"));
  require(status::parse_status(status::format_session(security)).has_value());
  require(status::authserv_id_of(status::format_results("mx.example.com", security,
                                                        status::ShowAccount::yes)) == "mx.example.com");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  check_status(text);
  check_results(text);
  check_writing(std::string(text.substr(0, 512)));
  return 0;
}
