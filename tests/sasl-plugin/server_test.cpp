// A server's accounts: smtpseal's file, or libsasl2's auxprop; and what happens while they cannot be used.
#include "server.hpp"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "fixture.hpp"

using namespace smtpseal::sasl::test;

namespace {

std::string log_in_as(const Identity& who, const Limits& limits = {}) {
  Client client(limits, who);
  Server server;
  return log_in(client, server);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A server that has nothing to offer now, and says why in the log.
void check_not_offered(const Library& library, const std::string& reason) {
  Server server;
  BOOST_TEST(!server.offers_ntlm());
  Client client;
  BOOST_TEST(log_in(client, server).starts_with("server start: "));
  BOOST_TEST(has(library.log(), reason), "'" << reason << "' is not in " << library.log());
}

std::map<std::string, std::string> auxprop(std::map<std::string, std::string> more = {}) {
  more["smtpseal_accounts"] = "auxprop";
  return more;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sasl_server)

BOOST_AUTO_TEST_CASE(takes_accounts_from_auxprop) {
  Library library({.accounts = "", .server = auxprop()});
  library.auxprop_passwords = {{"anna", kPassword}, {"hash", nt_hash_of(kPassword)}, {"blank", ""}};
  const struct {
    Identity identity;
    int status;
  } cases[] = {{identity("anna"), SASL_OK},
               {identity("CORP\\anna"), SASL_OK},
               {identity("hash"), SASL_OK},
               {identity("anna", kWrongPassword), SASL_BADAUTH},
               {identity("hash", kWrongPassword), SASL_BADAUTH},
               {identity("hash", nt_hash_of(kWrongPassword)), SASL_BADAUTH},
               {identity("nobody"), SASL_BADAUTH},
               {identity("blank"), SASL_BADAUTH}};
  for (const auto& test : cases)
    BOOST_TEST(status_of(log_in_as(test.identity)) == test.status,
               *test.identity.name << " " << library.log());
  BOOST_TEST(library.auxprop_asked.front() == "anna");
  BOOST_TEST(!has(library.log(), "INTELLINET"));
}

BOOST_AUTO_TEST_CASE(takes_the_first_usable_of_several_passwords_of_auxprop) {
  Library library({.accounts = "", .server = auxprop()});
  library.auxprop_passwords = {{"one", std::string(kPassword) + "\n{SSHA}Xw=="},
                               {"two", "{SSHA}Xw==\n" + std::string(kPassword)},
                               {"none", "{SSHA}Xw==\n{MD5}Yw=="}};
  BOOST_TEST(status_of(log_in_as(identity("one"))) == SASL_OK, library.log());
  BOOST_TEST(status_of(log_in_as(identity("two"))) == SASL_OK, library.log());
  BOOST_TEST(status_of(log_in_as(identity("none"))) == SASL_BADAUTH, library.log());
}

BOOST_AUTO_TEST_CASE(names_the_account_of_auxprop_to_the_application) {
  Library library({.accounts = "", .server = auxprop()});
  library.auxprop_passwords["anna"] = kPassword;
  Client client({}, identity("CORP\\anna"));
  Server server;
  BOOST_REQUIRE(log_in(client, server) == "ok");
  BOOST_TEST(server.user() == "anna");
}

BOOST_AUTO_TEST_CASE(leaves_no_password_of_auxprop_to_the_application) {
  Library library({.accounts = "", .server = auxprop()});
  library.auxprop_passwords["anna"] = kPassword;
  for (const char* password : {kPassword, kWrongPassword}) {
    Client client({}, identity("anna", password));
    Server server;
    log_in(client, server);
    BOOST_TEST(library.auxprop_asked.back() == "anna");
    BOOST_TEST(server.property("*userPassword").empty());
    BOOST_TEST(server.property("userPassword").empty());
  }
}

BOOST_AUTO_TEST_CASE(asks_no_auxprop_where_the_accounts_are_in_the_file) {
  for (const char* source : {"", "file"}) {
    Options options;
    if (*source != 0) options.server["smtpseal_accounts"] = source;
    Library library(options);
    library.auxprop_passwords["nobody"] = kPassword;
    BOOST_TEST(status_of(log_in_as(identity("nobody"))) == SASL_BADAUTH);
    BOOST_TEST(log_in_as(identity("anna")) == "ok");
  }
}

BOOST_AUTO_TEST_CASE(holds_accounts_of_auxprop_to_the_terms_in_the_configuration) {
  const std::string weak = "client_strength = \"40\"\n";
  const std::string exchange = "client_profile = \"exchange-5.5\"\n";
  constexpr Limits to_40{0, 40, 0, 8192};
  constexpr Limits to_56{0, 56, 0, 8192};
  const struct {
    std::string client_toml;
    Limits limits;
    std::map<std::string, std::string> options;
    bool works;
  } cases[] = {
      {weak, to_40, {}, false},
      {weak, to_40, {{"smtpseal_strength", "128"}}, false},
      {weak, to_40, {{"smtpseal_strength", "56"}}, false},
      {weak, to_40, {{"smtpseal_strength", "40"}}, true},
      {weak, to_56, {{"smtpseal_strength", "56"}}, true},
      {exchange, {}, {}, false},
      {exchange, {}, {{"smtpseal_profile", "modern"}}, false},
      {exchange, {}, {{"smtpseal_profile", "exchange-5.5"}}, true},
      {exchange + weak, {}, {{"smtpseal_profile", "exchange-5.5"}, {"smtpseal_strength", "40"}}, true},
      {"", {}, {{"smtpseal_profile", "exchange-5.5"}, {"smtpseal_strength", "40"}}, true},
  };
  for (const auto& test : cases) {
    Library library({.client_toml = test.client_toml, .accounts = "", .server = auxprop(test.options)});
    library.auxprop_passwords["anna"] = kPassword;
    const auto result = log_in_as(identity("anna"), test.limits);
    BOOST_TEST((result == "ok") == test.works, result);
  }
}

BOOST_AUTO_TEST_CASE(offers_nothing_on_a_configuration_it_does_not_understand) {
  const struct {
    std::map<std::string, std::string> options;
    const char* reason;
  } cases[] = {
      {{{"smtpseal_accounts", "sasldb"}}, "smtpseal_accounts: sasldb: allowed are file, auxprop"},
      {auxprop({{"smtpseal_profile", "exchange"}}), "smtpseal_profile: exchange: allowed are"},
      {auxprop({{"smtpseal_strength", "64"}}), "smtpseal_strength: 64: allowed are 40, 56, 128"},
      {{{"smtpseal_config", "/nonexistent/smtpseal.toml"}}, "/nonexistent/smtpseal.toml"},
  };
  for (const auto& test : cases) {
    Library library({.server = test.options});
    check_not_offered(library, test.reason);
  }
}

BOOST_AUTO_TEST_CASE(takes_no_part_in_a_login_while_its_own_configuration_is_wrong) {
  for (const char* toml : {"client_profile = \"exchange\"\n", "client_profil = \"modern\"\n",
                           "ssf_limit = 129\n", "ssf_limit = 0\n", "not toml\n"}) {
    Library library({.client_toml = toml, .server_toml = toml});
    BOOST_TEST(!Server().offers_ntlm());
    BOOST_TEST(has(library.log(), library.path("server.toml") + ":"), library.log());
    Client client;
    const auto answer = client.start();
    BOOST_TEST(answer.status == SASL_FAIL);
    BOOST_TEST(answer.message.empty());
    BOOST_TEST(has(client.error(), "client.toml:"), client.error());
  }
}

BOOST_AUTO_TEST_CASE(reads_the_accounts_anew_when_the_file_has_changed) {
  Library library({.accounts = "anna Tru5tno1!\n"});
  BOOST_TEST(log_in_as(identity("anna")) == "ok");
  library.write("accounts", "bert Tru5tno1!\n");
  BOOST_TEST(status_of(log_in_as(identity("anna"))) == SASL_BADAUTH);
  BOOST_TEST(log_in_as(identity("bert")) == "ok");
  library.write("new", "anna Tru5tno2?\n");
  std::filesystem::rename(library.path("new"), library.path("accounts"));
  BOOST_TEST(status_of(log_in_as(identity("anna"))) == SASL_BADAUTH);
  BOOST_TEST(log_in_as(identity("anna", kWrongPassword)) == "ok");
}

BOOST_AUTO_TEST_CASE(finishes_a_login_with_the_accounts_it_began_with) {
  Library library({.accounts = "anna Tru5tno1!\n"});
  Client client({}, identity("anna"));
  Server server;
  const auto challenge = server.start(client.start().message);
  library.write("accounts", "bert Tru5tno1!\n");
  BOOST_TEST(Server().offers_ntlm());
  BOOST_TEST(server.step(client.step(challenge.message).message).status == SASL_OK);
}

BOOST_AUTO_TEST_CASE(offers_nothing_while_the_accounts_cannot_be_trusted_and_recovers) {
  Library library({.accounts = "anna Tru5tno1!\n"});
  const std::string file = library.path("accounts");
  const struct {
    const char* text;
    mode_t mode;
    const char* reason;
  } cases[] = {
      {"anna Tru5tno1!\n", 0644, "accounts: "},
      {"anna Tru5tno1!\n", 0660, "accounts: "},
      {"anna Tru5tno1! profile=exchange-4\n", 0640, "accounts:1"},
      {"# nobody\n\nanna\n", 0640, "accounts:3"},
      {"anna Tru5tno1!\nanna Tru5tno1!\n", 0640, "accounts:2"},
      {"# nobody\n", 0640, "there is no account"},
      {"", 0640, "there is no account"},
  };
  for (const auto& test : cases) {
    BOOST_TEST_CONTEXT(test.text << " " << test.mode) {
      library.write("accounts", test.text);
      BOOST_REQUIRE(::chmod(file.c_str(), test.mode) == 0);
      check_not_offered(library, test.reason);
      library.write("accounts", "anna Tru5tno1!\n");
      BOOST_TEST(Server().offers_ntlm());
      BOOST_TEST(log_in_as(identity("anna")) == "ok");
    }
  }
  std::filesystem::remove(file);
  check_not_offered(library, "accounts: ");
  library.write("accounts", "anna Tru5tno1!\n");
  BOOST_TEST(log_in_as(identity("anna")) == "ok");
}

BOOST_AUTO_TEST_SUITE_END()
