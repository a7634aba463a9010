#include "smtpseal/tls/certificate.hpp"

#include <boost/test/unit_test.hpp>

#include "make_certificate.hpp"

using namespace smtpseal;
using namespace smtpseal::tls;
using namespace smtpseal::testing;

namespace {

// What RFC 5929 section 4.1 wants, computed by another way than the library's.
Bytes expected_binding(const X509& certificate, const EVP_MD* digest) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(&certificate, &der);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned hash_size = 0;
  EVP_Digest(der, static_cast<std::size_t>(size), hash.data(), &hash_size, digest, nullptr);
  OPENSSL_free(der);
  const auto prefix = as_bytes("tls-server-end-point:");
  Bytes all(prefix.begin(), prefix.end());
  for (unsigned i = 0; i < hash_size; ++i) all.push_back(static_cast<std::byte>(hash[i]));
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tls_certificate)

BOOST_AUTO_TEST_CASE(the_binding_is_by_the_hash_of_the_signature_but_never_by_md5_or_sha1) {
  const auto ec = ec_key();
  const auto rsa = rsa_key();
  const struct {
    EVP_PKEY* key;
    const EVP_MD* signature;
    const EVP_MD* binding;
    bool with_pss = false;
  } rows[] = {
      {ec.get(), EVP_sha256(), EVP_sha256()},        {ec.get(), EVP_sha384(), EVP_sha384()},
      {ec.get(), EVP_sha512(), EVP_sha512()},        {ec.get(), EVP_sha224(), EVP_sha224()},
      {ec.get(), EVP_sha1(), EVP_sha256()},          {rsa.get(), EVP_md5(), EVP_sha256()},
      {rsa.get(), EVP_sha1(), EVP_sha256()},         {rsa.get(), EVP_sha256(), EVP_sha256()},
      {rsa.get(), EVP_sha384(), EVP_sha384()},       {rsa.get(), EVP_sha384(), EVP_sha384(), true},
      {rsa.get(), EVP_sha512(), EVP_sha512(), true},
  };
  for (const auto& row : rows) {
    const auto certificate = make_certificate(row.key, row.signature, "", row.with_pss);
    const auto binding = end_point_binding(*certificate);
    BOOST_REQUIRE(binding.has_value());
    BOOST_TEST((*binding == expected_binding(*certificate, row.binding)), EVP_MD_get0_name(row.signature));
  }
}

BOOST_AUTO_TEST_CASE(a_signature_without_a_hash_gives_no_binding) {
  BOOST_TEST(!end_point_binding(*make_certificate(ed25519_key().get(), nullptr, "")));
}

BOOST_AUTO_TEST_CASE(a_certificate_says_when_it_ends) {
  const auto key = ec_key();
  const auto certificate = make_certificate(key.get(), EVP_sha256(), "");
  ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), "20380119031408Z");
  BOOST_TEST(not_after(*certificate).value() == 2147483648);
  ASN1_TIME_set_string(X509_getm_notAfter(certificate.get()), "991231235959Z");
  BOOST_TEST(not_after(*certificate).value() == 946684799);
}

BOOST_AUTO_TEST_CASE(a_fingerprint_is_read_as_it_is_shown) {
  const auto certificate = make_certificate(ec_key().get(), EVP_sha256(), "");
  const auto fingerprint = fingerprint_of(*certificate);
  const std::string shown = to_text(fingerprint);
  BOOST_TEST(shown.size() == 95U);
  BOOST_TEST((parse_fingerprint(shown) == fingerprint));
  std::string plain;
  for (const char c : shown)
    if (c != ':') plain += static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
  BOOST_TEST((parse_fingerprint(plain) == fingerprint));

  for (std::size_t cut = 0; cut < shown.size(); ++cut) BOOST_TEST(!parse_fingerprint(shown.substr(0, cut)));
  for (std::size_t cut = 0; cut < plain.size(); ++cut) BOOST_TEST(!parse_fingerprint(plain.substr(0, cut)));
  for (std::size_t at = 0; at < shown.size(); ++at) {
    std::string other = shown;
    other[at] = other[at] == ':' ? '0' : 'g';
    BOOST_TEST(!parse_fingerprint(other), other);
  }
  BOOST_TEST(!parse_fingerprint(shown + ":"));
  BOOST_TEST(!parse_fingerprint(" " + plain));
}

BOOST_AUTO_TEST_CASE(names_are_those_of_the_alternative_names_made_printable) {
  const auto key = ec_key();
  const auto names = [&key](const std::string& text) {
    return names_of(*make_certificate(key.get(), EVP_sha256(), text));
  };
  BOOST_TEST(names("") == "none");  // there is a common name
  BOOST_TEST(names("DNS:mail.partner.example") == "mail.partner.example");
  BOOST_TEST(names("DNS:*.partner.example, IP:192.0.2.7, IP:2001:db8::7, email:a@b.example") ==
             "*.partner.example, 192.0.2.7, an IPv6 address");
  BOOST_TEST(names("DNS:a.example, DNS:b.example, DNS:c.example, DNS:d.example, DNS:e.example") ==
             "a.example, b.example, c.example, d.example, ...");
  BOOST_TEST(names("DNS:evil\r\n250 ok.example").find('\n') == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
