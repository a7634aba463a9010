#include "smtpseal/tls/trust_store.hpp"

#include <boost/test/unit_test.hpp>

#include "make_certificate.hpp"

using namespace smtpseal::tls;
using namespace smtpseal::testing;

namespace {

bool trusts(const TrustStore& store, X509& certificate) {
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                X509_STORE_CTX_free);
  X509_STORE_CTX_init(context.get(), store.get(), &certificate, nullptr);
  return X509_verify_cert(context.get()) == 1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_trust_store)

BOOST_AUTO_TEST_CASE(every_certificate_of_the_text_is_trusted_and_no_other) {
  const auto key = ec_key();
  const auto other_key = ec_key();
  const auto one = make_certificate(key.get(), EVP_sha256(), "DNS:one.example");
  const auto two = make_certificate(key.get(), EVP_sha256(), "DNS:two.example");
  const auto stranger = make_certificate(other_key.get(), EVP_sha256(), "DNS:one.example");
  const auto parsed = parse_trust_store("some words\n" + pem_of(*one) + "\n# more words\n" + pem_of(*two));
  BOOST_REQUIRE(parsed.store != nullptr);
  BOOST_TEST(parsed.problem.empty());
  BOOST_TEST(trusts(parsed.store, *one));
  BOOST_TEST(trusts(parsed.store, *two));
  BOOST_TEST(!trusts(parsed.store, *stranger));
}

BOOST_AUTO_TEST_CASE(a_text_without_a_certificate_is_refused) {
  for (const char* text : {"", "words", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    const auto parsed = parse_trust_store(text);
    BOOST_TEST(parsed.store == nullptr, text);
    BOOST_TEST(parsed.problem.find("certificate") != std::string::npos, parsed.problem);
  }
}

BOOST_AUTO_TEST_CASE(one_malformed_certificate_spoils_all) {
  const auto good = pem_of(*make_certificate(ec_key().get(), EVP_sha256(), ""));
  const std::size_t body = good.find('\n') + 1;
  for (std::size_t cut = body; cut + 30 < good.size(); cut += 7) {
    std::string bad = good;
    bad[cut] = '*';
    for (const auto& text : {bad, good + bad, bad + good}) {
      const auto parsed = parse_trust_store(text);
      BOOST_TEST(parsed.store == nullptr, text);
      BOOST_TEST(!parsed.problem.empty());
    }
    BOOST_TEST(parse_trust_store(good + good.substr(0, cut)).store == nullptr, "cut at " << cut);
  }
}

BOOST_AUTO_TEST_SUITE_END()
