// The security layer as an application of libsasl2 uses it, ours against the RC4 layer of the distribution's
// DIGEST-MD5.
//
// Every benchmark does one write of Sendmail a turn: 4096 octets sealed by the client, unsealed by the server
// in the pieces of at most 4096 in which Sendmail reads.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "client_plugin.hpp"
#include "sasl_api.hpp"
#include "server_plugin.hpp"

namespace {

constexpr const char* kUser = "anna";
constexpr const char* kPassword = "Secret-Pw1";
constexpr const char* kHost = "bench.example";
constexpr unsigned kPiece = 4096;
constexpr sasl_ssf_t kStrength = 128;

void require(bool succeeded) {
  if (!succeeded) throw std::runtime_error("a benchmark does not do what it measures");
}

template <class Function>
sasl_callback_t callback(unsigned long id, Function function) {
  return {id, reinterpret_cast<int (*)()>(reinterpret_cast<void (*)()>(function)), nullptr};
}

int server_option(void* /*context*/, const char* /*plugin*/, const char* option, const char** value,
                  unsigned* length) {
  const std::string_view name = option;
  if (name == "smtpseal_accounts")
    *value = "auxprop";
  else if (name == "auxprop_plugin")
    *value = "memory";
  else
    return SASL_FAIL;
  if (length != nullptr) *length = static_cast<unsigned>(std::strlen(*value));
  return SASL_OK;
}

int look_up(void* /*context*/, sasl_server_params_t* params, unsigned flags, const char* /*user*/,
            unsigned /*length*/) {
  if ((flags & SASL_AUXPROP_AUTHZID) != 0) return SASL_OK;
  return params->utils->prop_set(params->propctx, "*userPassword", kPassword, -1);
}

int auxprop_init(const sasl_utils_t* /*utils*/, int /*max_version*/, int* out_version,
                 sasl_auxprop_plug_t** plug, const char* /*name*/) {
  static char name[] = "memory";
  static sasl_auxprop_plug_t table{};
  table.auxprop_lookup = &look_up;
  table.name = name;
  *plug = &table;
  *out_version = SASL_AUXPROP_PLUG_VERSION;
  return SASL_OK;
}

int give_name(void* /*context*/, int /*id*/, const char** text, unsigned* length) {
  *text = kUser;
  if (length != nullptr) *length = static_cast<unsigned>(std::strlen(kUser));
  return SASL_OK;
}

int give_password(sasl_conn_t* /*connection*/, void* /*context*/, int /*id*/, sasl_secret_t** secret) {
  static std::aligned_storage_t<sizeof(sasl_secret_t) + 32, alignof(sasl_secret_t)> room;
  auto* const given = reinterpret_cast<sasl_secret_t*>(&room);
  given->len = std::strlen(kPassword);
  std::memcpy(given->data, kPassword, given->len + 1);
  *secret = given;
  return SASL_OK;
}

// libsasl2 with the distribution's plugins and ours, once in a process.
void start_libsasl2() {
  static const sasl_callback_t client[] = {{SASL_CB_LIST_END, nullptr, nullptr}};
  static const sasl_callback_t server[] = {callback(SASL_CB_GETOPT, &server_option),
                                           {SASL_CB_LIST_END, nullptr, nullptr}};
  static const bool started = [] {
    require(sasl_client_init(client) == SASL_OK);
    require(sasl_server_init(server, "Sendmail") == SASL_OK);
    require(sasl_auxprop_add_plugin("memory", &auxprop_init) == SASL_OK);
    require(sasl_client_add_plugin("smtpseal", &smtpseal::sasl::client_plug_init) == SASL_OK);
    require(sasl_server_add_plugin("smtpseal", &smtpseal::sasl::server_plug_init) == SASL_OK);
    return true;
  }();
  require(started);
}

struct Dispose {
  void operator()(sasl_conn_t* connection) const { sasl_dispose(&connection); }
};
using Connection = std::unique_ptr<sasl_conn_t, Dispose>;

// Both ends of a login that got a layer of 128 bits.
class Session {
 public:
  explicit Session(const char* mechanism) {
    start_libsasl2();
    static const sasl_callback_t callbacks[] = {callback(SASL_CB_USER, &give_name),
                                                callback(SASL_CB_AUTHNAME, &give_name),
                                                callback(SASL_CB_PASS, &give_password),
                                                {SASL_CB_LIST_END, nullptr, nullptr}};
    sasl_conn_t* made = nullptr;
    require(sasl_client_new("smtp", kHost, nullptr, nullptr, callbacks, 0, &made) == SASL_OK);
    client_.reset(made);
    require(sasl_server_new("smtp", kHost, kHost, nullptr, nullptr, nullptr, 0, &made) == SASL_OK);
    server_.reset(made);
    for (sasl_conn_t* each : {client_.get(), server_.get()}) {
      const sasl_security_properties_t properties{kStrength, kStrength, 2 * kPiece, 0, nullptr, nullptr};
      require(sasl_setprop(each, SASL_SEC_PROPS, &properties) == SASL_OK);
    }
    log_in(mechanism);
    for (sasl_conn_t* each : {client_.get(), server_.get()}) {
      const void* strength = nullptr;
      require(sasl_getprop(each, SASL_SSF, &strength) == SASL_OK);
      require(*static_cast<const sasl_ssf_t*>(strength) == kStrength);
    }
  }

  [[nodiscard]] std::string_view encode(std::string_view plain) const {
    const char* wire = nullptr;
    unsigned length = 0;
    require(sasl_encode(client_.get(), plain.data(), static_cast<unsigned>(plain.size()), &wire, &length) ==
            SASL_OK);
    return {wire, length};
  }

  // Returns how many octets came out.
  [[nodiscard]] std::size_t decode(std::string_view wire) const {
    std::size_t octets = 0;
    while (!wire.empty()) {
      const auto piece = wire.substr(0, kPiece);
      const char* plain = nullptr;
      unsigned length = 0;
      require(sasl_decode(server_.get(), piece.data(), static_cast<unsigned>(piece.size()), &plain,
                          &length) == SASL_OK);
      octets += length;
      wire.remove_prefix(piece.size());
    }
    return octets;
  }

 private:
  void log_in(const char* mechanism) const {
    const char* to_server = nullptr;
    const char* to_client = nullptr;
    const char* chosen = nullptr;
    unsigned client_length = 0;
    unsigned server_length = 0;
    int client = sasl_client_start(client_.get(), mechanism, nullptr, &to_server, &client_length, &chosen);
    int server =
        sasl_server_start(server_.get(), mechanism, to_server, client_length, &to_client, &server_length);
    while (client == SASL_CONTINUE || server == SASL_CONTINUE) {
      client = sasl_client_step(client_.get(), to_client, server_length, nullptr, &to_server, &client_length);
      require(client == SASL_OK || client == SASL_CONTINUE);
      if (server == SASL_CONTINUE)
        server = sasl_server_step(server_.get(), to_server, client_length, &to_client, &server_length);
    }
    require(client == SASL_OK && server == SASL_OK);
  }

  Connection client_;
  Connection server_;
};

void layer(benchmark::State& state, const char* mechanism) {
  const Session session(mechanism);
  const std::string plain(kPiece, 'x');
  while (state.KeepRunning()) require(session.decode(session.encode(plain)) == plain.size());
  state.SetBytesProcessed(state.iterations() * kPiece);
}
BENCHMARK_CAPTURE(layer, smtpseal, "NTLM");
BENCHMARK_CAPTURE(layer, digest_md5, "DIGEST-MD5");

}  // namespace
