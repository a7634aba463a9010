// Sealing and unsealing of records against what it cannot do without, RC4 and HMAC-MD5 in two passes over
// OpenSSL with contexts made once, and against gss_wrap.
//
// Every benchmark does one record a turn: sealed by one side, unsealed by the other.
#include <benchmark/benchmark.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "gss_peer.hpp"
#include "session_pair.hpp"
#include "smtpseal/ntlm/seal_context.hpp"

namespace {

using namespace smtpseal;
using namespace smtpseal::ntlm;

void require(bool succeeded) {
  if (!succeeded) throw std::runtime_error("a benchmark does not do what it measures");
}

void count_octets(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void smtpseal_records(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const bench::SessionPair pair;
  SealContext ours(*pair.engine, Role::client, pair.outcome.flags,
                   pair.outcome.exported_session_key.octets());
  SealContext theirs(*pair.engine, Role::server, pair.outcome.flags,
                     pair.outcome.exported_session_key.octets());
  const Bytes plain(size, std::byte{'x'});
  Bytes sealed(size);
  std::array<std::byte, kSignatureSize> signature{};
  while (state.KeepRunning()) {
    ours.seal(plain, sealed, signature);
    require(theirs.unseal(sealed, signature).has_value());
  }
  require(sealed == plain);
  count_octets(state);
}
BENCHMARK(smtpseal_records)->Arg(1 << 10)->Arg(8 << 10)->Arg(64 << 10);

// One direction of the two-pass baseline: one keyed RC4 context and one keyed HMAC context, both made once.
class EvpDirection {
 public:
  EvpDirection() {
    static OSSL_PROVIDER* const legacy = OSSL_PROVIDER_load(nullptr, "legacy");
    static OSSL_PROVIDER* const base = OSSL_PROVIDER_load(nullptr, "default");
    require(legacy != nullptr && base != nullptr);
    const std::array<unsigned char, 16> key{1, 2, 3, 4, 5, 6, 7, 8};
    EVP_CIPHER* const rc4 = EVP_CIPHER_fetch(nullptr, "RC4", nullptr);
    require(EVP_EncryptInit_ex2(cipher_.get(), rc4, key.data(), nullptr, nullptr) == 1);
    EVP_CIPHER_free(rc4);

    EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    mac_.reset(EVP_MAC_CTX_new(hmac));
    EVP_MAC_free(hmac);
    std::array<char, 4> digest{"MD5"};
    const std::array<OSSL_PARAM, 2> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    require(EVP_MAC_init(mac_.get(), key.data(), key.size(), parameters.data()) == 1);
  }

  void cipher(const unsigned char* in, unsigned char* out, std::size_t size) {
    int written = 0;
    require(EVP_EncryptUpdate(cipher_.get(), out, &written, in, static_cast<int>(size)) == 1);
  }
  // The HMAC over the sequence number and the data, then through the cipher, as with KEY_EXCH.
  std::array<unsigned char, 16> code(const unsigned char* data, std::size_t size) {
    std::array<unsigned char, 16> code{};
    std::array<unsigned char, 4> number{};
    std::memcpy(number.data(), &sequence_, number.size());
    ++sequence_;
    require(EVP_MAC_init(mac_.get(), nullptr, 0, nullptr) == 1);
    require(EVP_MAC_update(mac_.get(), number.data(), number.size()) == 1);
    require(EVP_MAC_update(mac_.get(), data, size) == 1);
    std::size_t length = 0;
    require(EVP_MAC_final(mac_.get(), code.data(), &length, code.size()) == 1);
    return code;
  }

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> cipher_{EVP_CIPHER_CTX_new()};
  std::unique_ptr<EVP_MAC_CTX, Free> mac_;
  std::uint32_t sequence_ = 0;
};

void evp_two_passes(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  EvpDirection ours;
  EvpDirection theirs;
  const std::vector<unsigned char> plain(size, 'x');
  std::vector<unsigned char> sealed(size);
  while (state.KeepRunning()) {
    std::array<unsigned char, 16> sent = ours.code(plain.data(), size);
    ours.cipher(plain.data(), sealed.data(), size);
    ours.cipher(sent.data(), sent.data(), 8);

    theirs.cipher(sealed.data(), sealed.data(), size);
    std::array<unsigned char, 16> want = theirs.code(sealed.data(), size);
    theirs.cipher(want.data(), want.data(), 8);
    require(std::memcmp(sent.data(), want.data(), 8) == 0);
  }
  require(sealed == plain);
  count_octets(state);
}
BENCHMARK(evp_two_passes)->Arg(1 << 10)->Arg(8 << 10)->Arg(64 << 10);

void gss_wrap_and_unwrap(benchmark::State& state) {
  const bench::GssPair pair;
  const Bytes plain(static_cast<std::size_t>(state.range(0)), std::byte{'x'});
  testing::GssPeer ours = pair.initiator();
  testing::GssPeer theirs = testing::GssPeer::acceptor();
  pair.establish(ours, theirs);
  while (state.KeepRunning()) require(theirs.unwrap(ours.wrap(plain)).has_value());
  count_octets(state);
}
BENCHMARK(gss_wrap_and_unwrap)->Arg(1 << 10)->Arg(8 << 10)->Arg(64 << 10);

}  // namespace
