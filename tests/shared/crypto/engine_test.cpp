#include "smtpseal/crypto/engine.hpp"

#include <openssl/evp.h>
#include <openssl/provider.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../ntlm/hex.hpp"

using namespace smtpseal;
using smtpseal::testing::hex;
using smtpseal::testing::shared_engine;
using smtpseal::testing::unhex;
using smtpseal::testing::unhex_array;

namespace {

// Points OpenSSL's search for providers elsewhere as long as it lives.
class ModulesElsewhere {
 public:
  explicit ModulesElsewhere(const char* path) {
    if (const char* old = std::getenv("OPENSSL_MODULES")) old_ = old;
    setenv("OPENSSL_MODULES", path, 1);
  }
  ~ModulesElsewhere() {
    if (old_.empty()) {
      unsetenv("OPENSSL_MODULES");
    } else {
      setenv("OPENSSL_MODULES", old_.c_str(), 1);
    }
  }
  ModulesElsewhere(const ModulesElsewhere&) = delete;
  ModulesElsewhere& operator=(const ModulesElsewhere&) = delete;

 private:
  std::string old_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(crypto_engine)

// RFC 1320 A.5, RFC 1321 A.5.
BOOST_AUTO_TEST_CASE(digests_give_the_published_answers) {
  struct Row {
    std::string text, md4, md5;
  };
  const Row rows[] = {
      {"", "31d6cfe0d16ae931b73c59d7e0c089c0", "d41d8cd98f00b204e9800998ecf8427e"},
      {"a", "bde52cb31de33e46245e05fbdbd6fb24", "0cc175b9c0f1b6a831c399e269772661"},
      {"message digest", "d9130a8164549fe818874806e1c7014b", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "e33b4ddc9c38f2199c3e7b164fcc0536", "57edf4a22be3c955ac49da2e2107b67a"},
  };
  for (const Row& row : rows) {
    BOOST_TEST(hex(shared_engine()->md4({as_bytes(row.text)})) == row.md4);
    BOOST_TEST(hex(shared_engine()->md5({as_bytes(row.text)})) == row.md5);
    const std::size_t half = row.text.size() / 2;
    const auto bytes = as_bytes(row.text);
    BOOST_TEST(hex(shared_engine()->md5({bytes.first(half), {}, bytes.subspan(half)})) == row.md5);
  }
}

// RFC 6229.
BOOST_AUTO_TEST_CASE(rc4_gives_the_published_key_streams) {
  struct Row {
    std::string key, stream;
  };
  const Row rows[] = {
      {"0102030405", "b2396305f03dc027ccc3524a0a1118a8"},
      {"01020304050607", "293f02d47f37c9b633f2af5285feb46b"},
      {"0102030405060708", "97ab8a1bf0afb96132f2f67258da15a8"},
      {"0102030405060708090a0b0c0d0e0f10", "9ac7cc9a609d1ef7b2932899cde41b97"},
  };
  for (const Row& row : rows) {
    Bytes data(16);
    shared_engine()->rc4(unhex(row.key), data, data);
    BOOST_TEST(hex(data) == row.stream);
  }
}

// FIPS 46 with the key of all NUL, and both halves of the LM hash of "PASSWORD123".
BOOST_AUTO_TEST_CASE(des_gives_the_published_blocks) {
  BOOST_TEST(hex(shared_engine()->des(unhex_array<7>("00000000000000"),
                                      unhex_array<8>("0000000000000000"))) == "8ca64de9c1b123a7");
  const auto text = as_bytes("KGS!@#$%").first<8>();
  BOOST_TEST(hex(shared_engine()->des(as_bytes("PASSWOR").first<7>(), text)) == "e52cac67419a9a22");
  BOOST_TEST(hex(shared_engine()->des(unhex_array<7>("44313233000000"), text)) == "664345140a852f61");
}

// RFC 7914 section 12, the third vector.
BOOST_AUTO_TEST_CASE(scrypt_is_that_of_the_rfc) {
  std::array<std::byte, 64> digest;
  shared_engine()->scrypt(as_bytes("pleaseletmein"), as_bytes("SodiumChloride"), digest);
  BOOST_TEST(hex(digest) ==
             "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9"
             "e61e85dc0d651e40dfcf017b45575887");
}

BOOST_AUTO_TEST_CASE(random_octets_differ_from_call_to_call) {
  std::set<std::string> seen;
  for (int i = 0; i < 64; ++i) {
    std::array<std::byte, 8> octets{};
    shared_engine()->random(octets);
    seen.insert(hex(octets));
  }
  BOOST_TEST(seen.size() == 64U);
}

BOOST_AUTO_TEST_CASE(a_missing_legacy_provider_is_named_with_its_package) {
  const ModulesElsewhere elsewhere("/nonexistent");
  const auto engine = crypto::Engine::create();
  BOOST_REQUIRE(engine.has_error());
  BOOST_CHECK(engine.error() == make_error_code(crypto::errc::legacy_provider_missing));
  const std::string words = crypto::Engine::describe_failure(engine.error());
  BOOST_TEST(words.find("openssl-provider-legacy") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_failure_has_words_of_its_own) {
  std::set<std::string> texts;
  for (const auto failure : {crypto::errc::legacy_provider_missing, crypto::errc::algorithm_missing,
                             crypto::errc::self_test_failed, crypto::errc::operation_failed}) {
    texts.insert(crypto::Engine::describe_failure(make_error_code(failure)));
  }
  BOOST_TEST(texts.size() == 4U);
  BOOST_TEST(std::string(crypto::category().name()) == "crypto");
}

BOOST_AUTO_TEST_CASE(the_default_library_context_stays_as_it_was) {
  const auto engine = crypto::Engine::create().value();
  BOOST_TEST(OSSL_PROVIDER_available(nullptr, "legacy") == 0);
}

BOOST_AUTO_TEST_CASE(one_engine_serves_many_threads) {
  const auto engine = shared_engine();
  std::vector<int> right(4);
  std::vector<std::thread> threads;
  threads.reserve(right.size());
  for (int& count : right) {
    threads.emplace_back([&engine, &count] {
      for (int i = 0; i < 200; ++i) {
        const auto code = engine->hmac_md5(as_bytes("Jefe"), {as_bytes("what do ya want for nothing?")});
        if (hex(code) == "750c783e6ab0b503eaa86e310a5db738") ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : right) BOOST_TEST(count == 200);
}

BOOST_AUTO_TEST_SUITE_END()
