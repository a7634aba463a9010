// The examples of docs/howto-read-status.md are what is written.
#include <array>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>
#include <string>

#include "smtpseal/status/authentication_results.hpp"
#include "smtpseal/status/status_header.hpp"

namespace smtpseal::status {
namespace {

using session::Protection;
using session::SessionSecurity;

std::string read_manual() {
  std::ifstream file(SMTPSEAL_TEST_DATA "/../docs/howto-read-status.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// As a message shows a field, indented as the manual indents.
std::string as_shown(std::string_view name, std::string_view value) {
  std::string text = "\n    " + std::string(name) + ": ";
  for (const char c : fold(value, name.size())) {
    text += c;
    if (c == '\n') text += "    ";
  }
  return text + "\n";
}

SessionSecurity from_partner(Protection protection) {
  SessionSecurity security;
  security.protection = protection;
  security.peer_name = "mail.partner.example";
  security.peer_address = "192.0.2.7";
  return security;
}

SessionSecurity logged_on(Protection protection) {
  SessionSecurity security = from_partner(protection);
  security.mechanism = "NTLM";
  security.response = ntlm::Response::ntlmv2;
  security.account = "INTELLINET\\DOUG";
  security.bits = 128;
  security.octets_sealed = security.octets_unsealed = 1;
  return security;
}

std::array<Status, 6> examples() {
  auto tls = from_partner(Protection::tls);
  tls.tls = session::Tls{"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256};
  auto unknown = from_partner(Protection::unknown);
  unknown.unknown_reason = "smtpseal-relay does not answer";
  constexpr auto kBy = "mx.example.com";
  return {{{logged_on(Protection::sealed), kBy, {}},
           {logged_on(Protection::authenticated), kBy, {}},
           {tls, kBy, {}},
           {from_partner(Protection::none), kBy, {}},
           {unknown, kBy, {}},
           {from_partner(Protection::none), kBy, "the session is not sealed"}}};
}

BOOST_AUTO_TEST_SUITE(documented_status)

BOOST_AUTO_TEST_CASE(every_example_of_the_manual_is_what_is_written) {
  const std::string manual = read_manual();
  BOOST_REQUIRE(!manual.empty());
  for (const Status& status : examples()) {
    const std::string shown = as_shown(kStatusHeader, format_status(status, ShowAccount::yes));
    BOOST_TEST(manual.find(shown) != std::string::npos, shown);
    const std::string results =
        as_shown(kResultsHeader, format_results(status.by, status.security, ShowAccount::yes));
    BOOST_TEST(manual.find(results) != std::string::npos, results);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::status
