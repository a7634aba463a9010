// A program with threads that loads the plugin by libsasl2 as applications do, lets many sessions run at
// once, unloads it, and begins again. Ends with 0 where every session went as it should and the process is as
// it was before. Run under AddressSanitizer and under valgrind, too.
//
// usage: sasl-plugin-load PLUGIN ROUNDS THREADS SESSIONS_PER_THREAD
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <sasl/sasl.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

constexpr const char* kPassword = "Tru5tno1!";
constexpr const char* kWrongPassword = "Tru5tno2?";
constexpr unsigned kEveryWrong = 4;  // one session in so many has the wrong password

std::atomic<unsigned> failures{0};
std::string configuration;  // path of smtpseal.toml
std::string plugins;        // path of the directory with the plugin

void check(bool is_so, const std::string& claim) {
  if (is_so) return;
  ++failures;
  std::fprintf(stderr, "FAILED: %s\n", claim.c_str());
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "sasl-plugin-load: %s\n", why.c_str());
  std::exit(1);
}

template <class Function>
sasl_callback_t callback(unsigned long id, Function function, const void* context = nullptr) {
  return {id, reinterpret_cast<int (*)()>(reinterpret_cast<void (*)()>(function)),
          const_cast<void*>(context)};
}

int get_option(void* /*context*/, const char* /*plugin*/, const char* option, const char** value,
               unsigned* length) {
  if (std::strcmp(option, "smtpseal_config") != 0) return SASL_FAIL;
  *value = configuration.c_str();
  if (length != nullptr) *length = static_cast<unsigned>(configuration.size());
  return SASL_OK;
}

int be_silent(void* /*context*/, int /*level*/, const char* /*text*/) {
  return SASL_OK;
}

int get_name(void* context, int /*id*/, const char** text, unsigned* length) {
  *text = static_cast<const char*>(context);
  if (length != nullptr) *length = static_cast<unsigned>(std::strlen(*text));
  return SASL_OK;
}

int get_password(sasl_conn_t* /*connection*/, void* context, int /*id*/, sasl_secret_t** secret) {
  *secret = static_cast<sasl_secret_t*>(context);
  return SASL_OK;
}

// libsasl2 locks nothing unless it is told how.
void* new_mutex() {
  return new std::mutex;
}
int lock(void* mutex) {
  static_cast<std::mutex*>(mutex)->lock();
  return SASL_OK;
}
int unlock(void* mutex) {
  static_cast<std::mutex*>(mutex)->unlock();
  return SASL_OK;
}
void free_mutex(void* mutex) {
  delete static_cast<std::mutex*>(mutex);
}

class Secret {
 public:
  explicit Secret(std::string_view text) : memory_(sizeof(sasl_secret_t) + text.size()) {
    get()->len = text.size();
    std::memcpy(get()->data, text.data(), text.size());
  }
  sasl_secret_t* get() { return reinterpret_cast<sasl_secret_t*>(memory_.data()); }

 private:
  std::vector<char> memory_;
};

std::string as_text(const char* data, unsigned length) {
  return data == nullptr ? std::string() : std::string(data, length);
}

// A client and a server, and what goes between them.
class Session {
 public:
  Session(const char* account, const char* password) : secret_(password) {
    callbacks_ = {callback(SASL_CB_AUTHNAME, &get_name, account),
                  callback(SASL_CB_USER, &get_name, account),
                  callback(SASL_CB_PASS, &get_password, secret_.get()),
                  {SASL_CB_LIST_END, nullptr, nullptr}};
    if (sasl_client_new("smtp", "mx.partner.example", nullptr, nullptr, callbacks_.data(), 0, &client_) !=
            SASL_OK ||
        sasl_server_new("smtp", "mx.partner.example", nullptr, nullptr, nullptr, nullptr, 0, &server_) !=
            SASL_OK)
      give_up("libsasl2 makes no connection");
    sasl_security_properties_t properties{};
    properties.max_ssf = 256;
    properties.maxbufsize = 8192;
    sasl_setprop(client_, SASL_SEC_PROPS, &properties);
    sasl_setprop(server_, SASL_SEC_PROPS, &properties);
  }
  ~Session() {
    sasl_dispose(&client_);
    sasl_dispose(&server_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] int log_in() {
    const char* text = nullptr;
    const char* mechanism = nullptr;
    unsigned length = 0;
    int status = sasl_client_start(client_, "NTLM", nullptr, &text, &length, &mechanism);
    if (status != SASL_CONTINUE) return status;
    const std::string negotiate = as_text(text, length);
    status = sasl_server_start(server_, "NTLM", negotiate.data(), static_cast<unsigned>(negotiate.size()),
                               &text, &length);
    if (status != SASL_CONTINUE) return status;
    const std::string challenge = as_text(text, length);
    status = sasl_client_step(client_, challenge.data(), static_cast<unsigned>(challenge.size()), nullptr,
                              &text, &length);
    if (status != SASL_OK) return status;
    const std::string authenticate = as_text(text, length);
    return sasl_server_step(server_, authenticate.data(), static_cast<unsigned>(authenticate.size()), &text,
                            &length);
  }

  [[nodiscard]] bool carries(const std::string& text) {
    return carries(client_, server_, text) && carries(server_, client_, text);
  }

 private:
  static bool carries(sasl_conn_t* from, sasl_conn_t* to, const std::string& text) {
    const char* data = nullptr;
    unsigned length = 0;
    if (sasl_encode(from, text.data(), static_cast<unsigned>(text.size()), &data, &length) != SASL_OK)
      return false;
    const std::string wire = as_text(data, length);
    if (wire.find(text) != std::string::npos) return false;
    std::string received;
    for (std::size_t at = 0; at < wire.size(); at += 1000) {
      const std::string_view piece = std::string_view(wire).substr(at, 1000);
      if (sasl_decode(to, piece.data(), static_cast<unsigned>(piece.size()), &data, &length) != SASL_OK)
        return false;
      received += as_text(data, length);
    }
    return received == text;
  }

  Secret secret_;
  std::vector<sasl_callback_t> callbacks_;
  sasl_conn_t* client_ = nullptr;
  sasl_conn_t* server_ = nullptr;
};

void run_sessions(unsigned sessions, unsigned thread) {
  for (unsigned i = 0; i < sessions; ++i) {
    const bool is_wrong = (i + thread) % kEveryWrong == 0;
    Session session("INTELLINET\\DOUG", is_wrong ? kWrongPassword : kPassword);
    const int status = session.log_in();
    check(status == (is_wrong ? SASL_BADAUTH : SASL_OK), "login: " + std::to_string(status));
    if (status != SASL_OK) continue;
    for (const std::size_t size : {10U, 4076U, 20000U}) {
      check(session.carries(std::string(size, 'm')),
            "a text of " + std::to_string(size) + " octets passes sealed");
    }
    // A program's own use of OpenSSL looks at this queue.
    check(ERR_peek_error() == 0, "the thread's OpenSSL error queue is empty");
  }
}

std::set<std::string> providers() {
  std::set<std::string> names;
  OSSL_PROVIDER_do_all(
      nullptr,
      [](OSSL_PROVIDER* provider, void* into) {
        static_cast<std::set<std::string>*>(into)->insert(OSSL_PROVIDER_get0_name(provider));
        return 1;
      },
      &names);
  return names;
}

bool default_context_has_md4() {
  EVP_MD* const md4 = EVP_MD_fetch(nullptr, "MD4", nullptr);
  EVP_MD_free(md4);
  ERR_clear_error();
  return md4 != nullptr;
}

bool is_mapped(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(name) != std::string::npos) return true;
  return false;
}

unsigned open_files() {
  unsigned count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

void run_round(unsigned threads, unsigned sessions) {
  const sasl_callback_t callbacks[] = {callback(SASL_CB_GETOPT, &get_option),
                                       callback(SASL_CB_LOG, &be_silent),
                                       {SASL_CB_LIST_END, nullptr, nullptr}};
  sasl_set_path(SASL_PATH_TYPE_PLUGIN, plugins.data());  // forgotten by sasl_done()
  if (const int status = sasl_client_init(callbacks); status != SASL_OK)
    give_up("sasl_client_init: " + std::to_string(status));
  if (const int status = sasl_server_init(callbacks, "test"); status != SASL_OK)
    give_up("sasl_server_init: " + std::to_string(status));
  check(is_mapped("libsmtpseal.so"), "the plugin is loaded");
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; ++i) running.emplace_back(run_sessions, sessions, i);
  for (auto& thread : running) thread.join();
  sasl_done();
  check(!is_mapped("libsmtpseal.so"), "the plugin is unloaded");
}

// A directory with the plugin alone, tables, and nothing that others may write: libsasl2 would refuse it.
class Directory {
 public:
  explicit Directory(const std::filesystem::path& plugin) {
    std::string pattern = "/tmp/smtpseal-load.XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) give_up("no temporary directory");
    path_ = pattern;
    std::filesystem::create_symlink(std::filesystem::absolute(plugin), path_ / "libsmtpseal.so");
    write("smtpseal.toml", "[files]\naccounts = \"" + (path_ / "accounts").string() + "\"\n");
    write("accounts", std::string("INTELLINET\\DOUG ") + kPassword + "\n");
    configuration = path_ / "smtpseal.toml";
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] std::string path() const { return path_; }

 private:
  void write(const char* name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    ::chmod((path_ / name).c_str(), 0600);
  }
  std::filesystem::path path_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) give_up("usage: sasl-plugin-load PLUGIN ROUNDS THREADS SESSIONS_PER_THREAD");
  const auto number = [&](int i) { return static_cast<unsigned>(std::atoi(argv[i])); };
  const Directory directory(argv[1]);
  sasl_set_mutex(&new_mutex, &lock, &unlock, &free_mutex);
  plugins = directory.path();

  const bool had_md4 = default_context_has_md4();
  run_round(1, 1);  // what libraries open once stays open
  const auto providers_before = providers();
  const unsigned files_before = open_files();
  for (unsigned i = 0; i < number(2); ++i) run_round(number(3), number(4));
  check(default_context_has_md4() == had_md4, "the default OpenSSL context has the digests it had");
  check(providers() == providers_before, "the default OpenSSL context has the providers it had");
  check(open_files() == files_before, "no file is left open");
  return failures == 0 ? 0 : 1;
}
