#include "smtpseal/session/mta_view.hpp"

#include <boost/test/unit_test.hpp>

namespace smtpseal::session {
namespace {

BOOST_AUTO_TEST_SUITE(session_mta_view)

struct ViewCase {
  const char* what;
  MtaView view;
  Protection protection;
  unsigned bits = 0;
};

BOOST_AUTO_TEST_CASE(says_what_the_mta_says) {
  const ViewCase cases[] = {
      {"nothing at all", {}, Protection::none, 0},
      {"Sendmail with our plugin", {"NTLM", "DOUG", "128", "", "", ""}, Protection::sealed, 128},
      {"least seal", {"NTLM", "DOUG", "40", "", "", ""}, Protection::sealed, 40},
      {"case of the mechanism", {"ntlm", "DOUG", "56", "", "", ""}, Protection::sealed, 56},
      {"seal within TLS", {"NTLM", "DOUG", "128", "TLSv1.3", "X", "256"}, Protection::sealed, 128},
      {"integrity only", {"NTLM", "DOUG", "1", "", "", ""}, Protection::authenticated, 0},
      {"too weak to count", {"NTLM", "DOUG", "39", "", "", ""}, Protection::authenticated, 0},
      {"no layer", {"NTLM", "DOUG", "0", "", "", ""}, Protection::authenticated, 0},
      {"Postfix says no strength", {"NTLM", "DOUG", "", "", "", ""}, Protection::authenticated, 0},
      {"layer of another mechanism", {"GSSAPI", "anna", "256", "", "", ""}, Protection::authenticated, 0},
      {"layer without a mechanism", {"", "DOUG", "128", "", "", ""}, Protection::none, 0},
      {"login over TLS", {"PLAIN", "anna", "0", "TLSv1.2", "X", "256"}, Protection::authenticated, 0},
      {"TLS", {"", "", "", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "256"}, Protection::tls, 0},
      {"cipher without TLS", {"", "", "", "", "TLS_AES_256_GCM_SHA384", "256"}, Protection::none, 0},
      {"XCLIENT", {"XCLIENT", "DOUG", "", "", "", ""}, Protection::none, 0},
      {"XCLIENT in odd case", {"xClient", "DOUG", "128", "", "", ""}, Protection::none, 0},
      {"XCLIENT over TLS", {"XCLIENT", "DOUG", "", "TLSv1.3", "X", "256"}, Protection::tls, 0},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.what) {
      const auto security = security_of(c.view);
      BOOST_TEST(name(security.protection) == name(c.protection));
      BOOST_TEST(security.bits == c.bits);
      BOOST_TEST(security.is_proven_sealed() == (c.protection == Protection::sealed));
    }
  }
}

BOOST_AUTO_TEST_CASE(strength_that_is_no_number_is_no_seal) {
  for (const char* ssf :
       {"128 ", " 128", "+128", "-128", "128bits", "0x80", "1e3", "128.0", "99999999999", "no"}) {
    BOOST_TEST_CONTEXT(ssf) {
      const auto security = security_of({"NTLM", "DOUG", ssf, "", "", ""});
      BOOST_TEST(name(security.protection) == "authenticated");
      BOOST_TEST(security.bits == 0U);
    }
  }
}

BOOST_AUTO_TEST_CASE(keeps_login_and_tls_apart) {
  const auto security = security_of({"ntlm", "INTELLINET\\DOUG", "128", "TLSv1.3", "TLS_AES_256", "256"});
  BOOST_TEST(security.mechanism == "NTLM");
  BOOST_TEST(security.account == "INTELLINET\\DOUG");
  BOOST_TEST(!security.response.has_value());
  BOOST_REQUIRE(security.tls.has_value());
  BOOST_TEST((*security.tls == Tls{"TLSv1.3", "TLS_AES_256", 256}));
}

BOOST_AUTO_TEST_CASE(reads_the_account_as_sendmail_writes_it) {
  const auto account_of = [](const char* written, bool is_xtext) {
    return security_of({"NTLM", written, "128", "", "", "", is_xtext}).account;
  };
  BOOST_TEST(account_of("INTELLINET+5CDOUG", true) == "INTELLINET\\DOUG");
  BOOST_TEST(account_of("mail+20relay+2B1", true) == "mail relay+1");
  BOOST_TEST(account_of("INTELLINET+2B5CDOUG", true) == "INTELLINET+5CDOUG");
  BOOST_TEST(account_of("DOUG", true) == "DOUG");
  BOOST_TEST(account_of("INTELLINET+5CDOUG", false) == "INTELLINET+5CDOUG");
  for (const char* broken : {"DOUG+", "DOUG+5", "DOUG+5x", "DOUG+zz", "DO UG", "DO=UG"})
    BOOST_TEST(account_of(broken, true) == "", broken);
}

BOOST_AUTO_TEST_CASE(hearsay_leaves_no_account) {
  const auto security = security_of({"XCLIENT", "DOUG", "128", "", "", ""});
  BOOST_TEST(security.account.empty());
  BOOST_TEST(security.mechanism.empty());
}

BOOST_AUTO_TEST_CASE(key_size_that_is_no_number_counts_as_none) {
  for (const char* bits : {"", "many", "-1", "256x"})
    BOOST_TEST(security_of({"", "", "", "TLSv1.3", "X", bits}).tls.value().bits == 0U, bits);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::session
