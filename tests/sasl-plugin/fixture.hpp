// libsasl2 itself with our plugin in it and no other, a client and a server of it in one process, and the
// accounts, tables and callbacks that they need. One Library at a time: libsasl2 is one per process.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sasl_api.hpp"

namespace smtpseal::sasl::test {

// Secrets of the accounts in kAccounts and of tests. None of them may be logged, in any spelling of theirs.
inline constexpr const char* kPassword = "Tru5tno1!";
inline constexpr const char* kWrongPassword = "Tru5tno2?";
inline constexpr const char* kAccounts =
    "INTELLINET\\DOUG  Tru5tno1!\n"
    "anna              Tru5tno1!\n"
    "anna@corp.example Tru5tno1!\n"
    "OLD\\MX           Tru5tno1!  profile=exchange-5.5 strength=40\n"
    "WEAK              Tru5tno1!  strength=40\n"
    "MIDDLE            Tru5tno1!  strength=56\n";

std::string nt_hash_of(std::string_view password);  // "{NT}hex"

struct Options {
  std::string client_toml{};         // of section [sasl] for the client
  std::string server_toml{};         // the same for the server
  std::string accounts = kAccounts;  // the accounts file
  std::map<std::string, std::string>
      server{};  // the application's SASL configuration, besides smtpseal_config
  std::string appname = "test";
  bool has_client = true;
  bool has_server = true;
};

class Library {
 public:
  explicit Library(Options options = {});
  // Checks that no secret was logged.
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  // Everything logged so far, and what applications were told of failures.
  [[nodiscard]] const std::string& log() const { return log_; }
  void note(const std::string& text) { log_ += text + "\n"; }
  void write(const std::string& name, const std::string& text) const;  // into the directory of the tables
  [[nodiscard]] std::string path(const std::string& name) const { return (directory_ / name).string(); }
  void set_server_option(const std::string& name, const std::string& value) { options_.server[name] = value; }

  // Passwords of the auxprop plugin, several with line feeds between, and whom libsasl2 asked it for.
  std::map<std::string, std::string> auxprop_passwords;
  std::vector<std::string> auxprop_asked;

 private:
  friend int look_up(void*, sasl_server_params_t*, unsigned, const char*, unsigned);
  static int get_client_option(void* self, const char* plugin, const char* option, const char** value,
                               unsigned* length);
  static int get_server_option(void* self, const char* plugin, const char* option, const char** value,
                               unsigned* length);
  static int get_path(void* self, const char** path);
  static int take_log(void* self, int level, const char* text);

  Options options_;
  std::filesystem::path directory_;
  std::string plugin_directory_;
  std::map<std::string, std::string> client_options_;
  std::string log_;
  std::vector<sasl_callback_t> client_callbacks_;
  std::vector<sasl_callback_t> server_callbacks_;
};

struct Limits {
  unsigned min_ssf = 0;
  unsigned max_ssf = 2147483647;
  unsigned external_ssf = 0;
  unsigned max_buffer = 8192;
};

// What both ends of a login have in common.
class End {
 public:
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  [[nodiscard]] sasl_conn_t* connection() const { return connection_; }
  [[nodiscard]] std::string error() const { return sasl_errdetail(connection_); }
  // Of a finished login.
  [[nodiscard]] unsigned ssf() const;
  [[nodiscard]] unsigned max_out() const;
  [[nodiscard]] std::string user() const;
  // The octets made, or "error: " and why there are none.
  [[nodiscard]] std::string encode(std::string_view text) const;
  [[nodiscard]] std::string decode(std::string_view wire) const;

 protected:
  End() = default;
  ~End() { sasl_dispose(&connection_); }
  void apply(const Limits& limits);

  sasl_conn_t* connection_ = nullptr;
};

struct Answer {
  int status = SASL_FAIL;
  std::string message;
};

struct Identity {
  std::optional<std::string> name = "INTELLINET\\DOUG";
  std::optional<std::string> password = kPassword;
  std::optional<std::string> realm{};
  bool asks_name = false;  // they come by prompts
  bool asks_password = false;
};
inline Identity identity(const std::string& name, const std::string& password = kPassword) {
  Identity made;
  made.name = name;
  made.password = password;
  return made;
}

class Client : public End {
 public:
  explicit Client(const Limits& limits = {}, const Identity& identity = {}, const char* service = "smtp");
  Answer start();
  Answer step(std::string_view challenge);
  [[nodiscard]] const std::vector<unsigned long>& prompted() const { return prompted_; }

 private:
  static int get_name(void* self, int id, const char** text, unsigned* length);
  static int get_password(sasl_conn_t* connection, void* self, int id, sasl_secret_t** secret);
  static int get_realm(void* self, int id, const char** realms, const char** realm);
  void answer_prompts(sasl_interact_t* prompts);

  Identity identity_;
  std::vector<char> secret_;
  std::vector<sasl_callback_t> callbacks_;
  std::vector<unsigned long> prompted_;
};

class Server : public End {
 public:
  explicit Server(const Limits& limits = {}, const char* hostname = "mx.partner.example");
  // SASL_NOMECH where NTLM is not offered.
  Answer start(std::string_view initial_response);
  Answer start_without_initial_response();
  Answer step(std::string_view response);
  [[nodiscard]] bool offers_ntlm() const;
  // What the application finds of an auxiliary property; empty: nothing.
  [[nodiscard]] std::string property(const char* name) const;
};

// How far a login came, in words: "ok", or who failed when and with what: "client start: -15 (...)".
std::string log_in(Client& client, Server& server);
// The status in such words; SASL_OK for "ok".
int status_of(const std::string& result);

}  // namespace smtpseal::sasl::test
