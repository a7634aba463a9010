#include "outbound/tls_client.hpp"

#include <boost/test/unit_test.hpp>

#include "../../shared/tls/make_certificate.hpp"
#include "smtpseal/daemon/daemon.hpp"

using namespace smtpseal;
using namespace smtpseal::relay;
using namespace smtpseal::testing;
using policy::TlsMode;

namespace {

policy::TlsRule rule_with(TlsMode mode) {
  policy::TlsRule rule;
  rule.mode = mode;
  return rule;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_client)

BOOST_AUTO_TEST_CASE(a_certificate_is_judged_as_the_rule_asks) {
  const auto certificate = make_certificate(ec_key().get(), EVP_sha256(), "DNS:other.example");
  const auto fingerprint = tls::fingerprint_of(*certificate);
  tls::Fingerprint wrong = fingerprint;
  wrong[31] ^= std::byte{1};
  auto pinned = rule_with(TlsMode::verify);
  auto pinned_wrong = pinned;
  pinned.fingerprints = {wrong, fingerprint};
  pinned_wrong.fingerprints = {wrong};
  const struct {
    policy::TlsRule rule;
    const X509* certificate;
    long result;
    std::string verified;
    std::string problem;  // empty: none
  } rows[] = {
      {rule_with(TlsMode::encrypt), certificate.get(), X509_V_ERR_CERT_HAS_EXPIRED, "no", ""},
      {rule_with(TlsMode::encrypt), nullptr, X509_V_OK, "no", ""},
      {rule_with(TlsMode::verify), certificate.get(), X509_V_OK, "chain", ""},
      // OpenSSL says X509_V_OK where there was nothing to look at.
      {rule_with(TlsMode::verify), nullptr, X509_V_OK, "no", "no certificate"},
      {rule_with(TlsMode::verify), certificate.get(), X509_V_ERR_CERT_HAS_EXPIRED, "no", "has expired"},
      {rule_with(TlsMode::verify), certificate.get(), X509_V_ERR_HOSTNAME_MISMATCH, "no",
       "not for mx.partner.example; the names in it: other.example"},
      {pinned, certificate.get(), X509_V_ERR_CERT_HAS_EXPIRED, "fingerprint", ""},
      {pinned, nullptr, X509_V_OK, "no", "no certificate"},
      {pinned_wrong, certificate.get(), X509_V_OK, "no", tls::to_text(fingerprint)},
  };
  for (const auto& row : rows) {
    const auto verdict = judge_certificate(row.rule, row.certificate, row.result, "mx.partner.example");
    BOOST_TEST(verdict.verified == row.verified);
    BOOST_TEST(verdict.problem.has_value() == !row.problem.empty());
    if (verdict.problem)
      BOOST_TEST(verdict.problem->find(row.problem) != std::string::npos, *verdict.problem);
  }
}

BOOST_AUTO_TEST_CASE(authorities_that_cannot_be_used_stop_the_start) {
  BOOST_CHECK_THROW(TlsClient("/nonexistent/ca.pem").load(), daemon::StartupError);
  BOOST_CHECK_THROW(TlsClient("/etc/passwd").load(), daemon::StartupError);
}

BOOST_AUTO_TEST_CASE(sessions_can_be_made_for_names_and_addresses) {
  TlsClient client("");
  BOOST_TEST(!client.make_session(rule_with(TlsMode::verify), "mail.partner.example", nullptr).has_value());
  client.load();
  for (const char* name : {"mail.partner.example", "192.0.2.7", "2001:db8::7"})
    for (const auto least : {policy::TlsVersion::tls_1_0, policy::TlsVersion::tls_1_3}) {
      auto rule = rule_with(TlsMode::verify);
      rule.least = least;
      BOOST_TEST(client.make_session(rule, name, client.authorities()).has_value(), name);
    }
}

BOOST_AUTO_TEST_SUITE_END()
