#include "fixture.hpp"

#include <stdlib.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <fstream>
#include <sstream>

#include "client_plugin.hpp"
#include "server_plugin.hpp"
#include "smtpseal/policy/account_files.hpp"

namespace smtpseal::sasl::test {

namespace {

Library* current = nullptr;  // libsasl2 gives no context to the initialiser of an auxprop plugin

template <class Function>
sasl_callback_t callback(unsigned long id, Function function, void* context) {
  return {id, reinterpret_cast<int (*)()>(reinterpret_cast<void (*)()>(function)), context};
}

void require_ok(int status, const char* what) {
  BOOST_REQUIRE_MESSAGE(status == SASL_OK, what << ": " << sasl_errstring(status, nullptr, nullptr));
}

int find(const std::map<std::string, std::string>& options, const char* name, const char** value,
         unsigned* length) {
  const auto found = options.find(name);
  if (found == options.end()) return SASL_FAIL;
  *value = found->second.c_str();
  if (length != nullptr) *length = static_cast<unsigned>(found->second.size());
  return SASL_OK;
}

const crypto::Engine& engine() {
  static const auto instance = crypto::Engine::create().value();
  return *instance;
}

std::string answer_text(const char* data, unsigned length) {
  return data == nullptr ? std::string() : std::string(data, length);
}

}  // namespace

std::string nt_hash_of(std::string_view password) {
  return policy::format_secret(engine(), password, false);
}

int look_up(void* /*context*/, sasl_server_params_t* params, unsigned flags, const char* user,
            unsigned length) {
  if ((flags & SASL_AUXPROP_AUTHZID) != 0) return SASL_OK;
  const std::string name(user, length);
  current->auxprop_asked.push_back(name);
  const auto found = current->auxprop_passwords.find(name);
  if (found == current->auxprop_passwords.end()) return SASL_NOUSER;
  std::istringstream values(found->second + "\n");
  const char* property = "*userPassword";  // a null name adds to the property before
  for (std::string value; std::getline(values, value); property = nullptr)
    if (const int status =
            params->utils->prop_set(params->propctx, property, value.c_str(), static_cast<int>(value.size()));
        status != SASL_OK)
      return status;
  return SASL_OK;
}

namespace {

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

}  // namespace

Library::Library(Options options) : options_(std::move(options)) {
  current = this;
  std::string pattern = (std::filesystem::temp_directory_path() / "smtpseal-sasl.XXXXXX").string();
  BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
  plugin_directory_ = path("plugins");
  std::filesystem::create_directory(plugin_directory_);
  write("accounts", options_.accounts);
  const std::string files = "[files]\naccounts = \"" + path("accounts") + "\"\n[sasl]\n";
  write("client.toml", files + options_.client_toml);
  write("server.toml", files + options_.server_toml);
  client_options_["smtpseal_config"] = path("client.toml");
  options_.server.try_emplace("smtpseal_config", path("server.toml"));

  const std::vector<sasl_callback_t> common{callback(SASL_CB_GETPATH, &get_path, this),
                                            callback(SASL_CB_LOG, &take_log, this)};
  client_callbacks_ = server_callbacks_ = common;
  client_callbacks_.push_back(callback(SASL_CB_GETOPT, &get_client_option, this));
  server_callbacks_.push_back(callback(SASL_CB_GETOPT, &get_server_option, this));
  for (auto* callbacks : {&client_callbacks_, &server_callbacks_})
    callbacks->push_back({SASL_CB_LIST_END, nullptr, nullptr});

  if (options_.has_client) {
    require_ok(sasl_client_init(client_callbacks_.data()), "sasl_client_init");
    require_ok(sasl_client_add_plugin("smtpseal", &client_plug_init), "sasl_client_add_plugin");
  }
  if (options_.has_server) {
    require_ok(sasl_server_init(server_callbacks_.data(), options_.appname.c_str()), "sasl_server_init");
    require_ok(sasl_auxprop_add_plugin("memory", &auxprop_init), "sasl_auxprop_add_plugin");
    require_ok(sasl_server_add_plugin("smtpseal", &server_plug_init), "sasl_server_add_plugin");
  }
}

Library::~Library() {
  sasl_done();
  std::filesystem::remove_all(directory_);
  current = nullptr;
  for (const char* password : {kPassword, kWrongPassword}) {
    const std::string hash = nt_hash_of(password).substr(4);
    BOOST_TEST(log_.find(password) == std::string::npos, "a password was logged: " << log_);
    BOOST_TEST(log_.find(hash) == std::string::npos, "an NT hash was logged: " << log_);
  }
}

void Library::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name)) << text;
  ::chmod(path(name).c_str(), 0640);
}

int Library::get_client_option(void* self, const char* /*plugin*/, const char* option, const char** value,
                               unsigned* length) {
  return find(static_cast<Library*>(self)->client_options_, option, value, length);
}

int Library::get_server_option(void* self, const char* /*plugin*/, const char* option, const char** value,
                               unsigned* length) {
  return find(static_cast<Library*>(self)->options_.server, option, value, length);
}

int Library::get_path(void* self, const char** path) {
  *path = static_cast<Library*>(self)->plugin_directory_.c_str();
  return SASL_OK;
}

int Library::take_log(void* self, int /*level*/, const char* text) {
  static_cast<Library*>(self)->note(text);
  return SASL_OK;
}

unsigned End::ssf() const {
  const void* value = nullptr;
  require_ok(sasl_getprop(connection_, SASL_SSF, &value), "SASL_SSF");
  return *static_cast<const sasl_ssf_t*>(value);
}

unsigned End::max_out() const {
  const void* value = nullptr;
  require_ok(sasl_getprop(connection_, SASL_MAXOUTBUF, &value), "SASL_MAXOUTBUF");
  return *static_cast<const unsigned*>(value);
}

std::string End::user() const {
  const void* value = nullptr;
  require_ok(sasl_getprop(connection_, SASL_USERNAME, &value), "SASL_USERNAME");
  return static_cast<const char*>(value);
}

std::string End::encode(std::string_view text) const {
  const char* wire = nullptr;
  unsigned length = 0;
  const int status =
      sasl_encode(connection_, text.data(), static_cast<unsigned>(text.size()), &wire, &length);
  return status == SASL_OK ? answer_text(wire, length) : "error: " + error();
}

std::string End::decode(std::string_view wire) const {
  const char* text = nullptr;
  unsigned length = 0;
  const int status =
      sasl_decode(connection_, wire.data(), static_cast<unsigned>(wire.size()), &text, &length);
  return status == SASL_OK ? answer_text(text, length) : "error: " + error();
}

void End::apply(const Limits& limits) {
  sasl_security_properties_t properties{};
  properties.min_ssf = limits.min_ssf;
  properties.max_ssf = limits.max_ssf;
  properties.maxbufsize = limits.max_buffer;
  require_ok(sasl_setprop(connection_, SASL_SEC_PROPS, &properties), "SASL_SEC_PROPS");
  const sasl_ssf_t external = limits.external_ssf;
  require_ok(sasl_setprop(connection_, SASL_SSF_EXTERNAL, &external), "SASL_SSF_EXTERNAL");
}

Client::Client(const Limits& limits, const Identity& identity, const char* service) : identity_(identity) {
  const auto by = [this](unsigned long id, bool is_asked, auto function) {
    callbacks_.push_back(is_asked ? sasl_callback_t{id, nullptr, nullptr} : callback(id, function, this));
  };
  if (identity_.name) {
    by(SASL_CB_AUTHNAME, identity_.asks_name, &get_name);
    by(SASL_CB_USER, identity_.asks_name, &get_name);
  }
  if (identity_.password) by(SASL_CB_PASS, identity_.asks_password, &get_password);
  if (identity_.realm) callbacks_.push_back(callback(SASL_CB_GETREALM, &get_realm, this));
  callbacks_.push_back({SASL_CB_LIST_END, nullptr, nullptr});
  require_ok(
      sasl_client_new(service, "mx.partner.example.", nullptr, nullptr, callbacks_.data(), 0, &connection_),
      "sasl_client_new");
  apply(limits);
}

Answer Client::start() {
  sasl_interact_t* prompts = nullptr;
  const char* message = nullptr;
  const char* mechanism = nullptr;
  unsigned length = 0;
  int status = SASL_FAIL;
  while ((status = sasl_client_start(connection_, "NTLM", &prompts, &message, &length, &mechanism)) ==
         SASL_INTERACT)
    answer_prompts(prompts);
  return {status, answer_text(message, length)};
}

Answer Client::step(std::string_view challenge) {
  const char* message = nullptr;
  unsigned length = 0;
  const int status = sasl_client_step(connection_, challenge.data(), static_cast<unsigned>(challenge.size()),
                                      nullptr, &message, &length);
  return {status, answer_text(message, length)};
}

void Client::answer_prompts(sasl_interact_t* prompts) {
  BOOST_REQUIRE(prompts != nullptr);
  for (; prompts->id != SASL_CB_LIST_END; ++prompts) {
    BOOST_REQUIRE_MESSAGE(prompted_.size() < 10, "prompted again and again");
    prompted_.push_back(prompts->id);
    const auto& text = prompts->id == SASL_CB_PASS ? identity_.password : identity_.name;
    BOOST_TEST(prompts->prompt != nullptr);
    prompts->result = text ? text->c_str() : nullptr;
    prompts->len = text ? static_cast<unsigned>(text->size()) : 0;
  }
}

int Client::get_name(void* self, int /*id*/, const char** text, unsigned* length) {
  const auto& name = static_cast<Client*>(self)->identity_.name;
  *text = name->c_str();
  if (length != nullptr) *length = static_cast<unsigned>(name->size());
  return SASL_OK;
}

int Client::get_password(sasl_conn_t* /*connection*/, void* self, int /*id*/, sasl_secret_t** secret) {
  auto& client = *static_cast<Client*>(self);
  const std::string& text = *client.identity_.password;
  client.secret_.assign(sizeof(sasl_secret_t) + text.size(), 0);
  *secret = reinterpret_cast<sasl_secret_t*>(client.secret_.data());
  (*secret)->len = text.size();
  std::memcpy((*secret)->data, text.data(), text.size());
  return SASL_OK;
}

int Client::get_realm(void* self, int /*id*/, const char** /*realms*/, const char** realm) {
  *realm = static_cast<Client*>(self)->identity_.realm->c_str();
  return SASL_OK;
}

Server::Server(const Limits& limits, const char* hostname) {
  require_ok(sasl_server_new("smtp", hostname, nullptr, nullptr, nullptr, nullptr, 0, &connection_),
             "sasl_server_new");
  apply(limits);
}

Answer Server::start(std::string_view initial_response) {
  const char* message = nullptr;
  unsigned length = 0;
  const int status = sasl_server_start(connection_, "NTLM", initial_response.data(),
                                       static_cast<unsigned>(initial_response.size()), &message, &length);
  return {status, answer_text(message, length)};
}

Answer Server::start_without_initial_response() {
  const char* message = nullptr;
  unsigned length = 0;
  const int status = sasl_server_start(connection_, "NTLM", nullptr, 0, &message, &length);
  return {status, answer_text(message, length)};
}

Answer Server::step(std::string_view response) {
  const char* message = nullptr;
  unsigned length = 0;
  const int status = sasl_server_step(connection_, response.data(), static_cast<unsigned>(response.size()),
                                      &message, &length);
  return {status, answer_text(message, length)};
}

std::string Server::property(const char* name) const {
  const char* names[] = {name, nullptr};
  propval values[2] = {};
  const int found = prop_getnames(sasl_auxprop_getctx(connection_), names, values);
  return found > 0 && values[0].values != nullptr && values[0].values[0] != nullptr ? values[0].values[0]
                                                                                    : "";
}

bool Server::offers_ntlm() const {
  const char* list = nullptr;
  const int status = sasl_listmech(connection_, nullptr, "", " ", "", &list, nullptr, nullptr);
  return status == SASL_OK && std::string_view(list) == "NTLM";
}

namespace {

std::string failure(const char* stage, const Answer& answer, const End& end) {
  std::string text = std::string(stage) + ": " + std::to_string(answer.status) + " (" + end.error() + ")";
  current->note(text);
  return text;
}

}  // namespace

std::string log_in(Client& client, Server& server) {
  const auto negotiate = client.start();
  if (negotiate.status != SASL_CONTINUE) return failure("client start", negotiate, client);
  const auto challenge = server.start(negotiate.message);
  if (challenge.status != SASL_CONTINUE) return failure("server start", challenge, server);
  const auto authenticate = client.step(challenge.message);
  if (authenticate.status != SASL_OK) return failure("client step", authenticate, client);
  const auto verdict = server.step(authenticate.message);
  if (verdict.status != SASL_OK) return failure("server step", verdict, server);
  return "ok";
}

int status_of(const std::string& result) {
  return result == "ok" ? SASL_OK : std::stoi(result.substr(result.find(": ") + 2));
}

}  // namespace smtpseal::sasl::test
