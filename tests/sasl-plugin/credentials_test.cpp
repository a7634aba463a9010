// Who a client logs on as, by the callbacks and prompts of libsasl2.
#include "credentials.hpp"

#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "fixture.hpp"

using namespace smtpseal::sasl::test;

namespace {

Identity in_realm(const std::string& name, const std::string& realm) {
  Identity made = identity(name);
  made.realm = realm;
  return made;
}

Identity by_prompt(const std::string& name, const std::string& password) {
  Identity made = identity(name, password);
  made.asks_name = made.asks_password = true;
  return made;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sasl_credentials)

BOOST_AUTO_TEST_CASE(finds_the_account_however_the_name_is_written) {
  const struct {
    Identity identity;
    const char* account;  // as the server tells its application
  } cases[] = {
      {identity("INTELLINET\\DOUG"), "INTELLINET\\DOUG"},
      {identity("intellinet\\doug"), "INTELLINET\\DOUG"},
      {in_realm("DOUG", "INTELLINET"), "INTELLINET\\DOUG"},
      {in_realm("INTELLINET\\DOUG", "ELSEWHERE"), "INTELLINET\\DOUG"},
      {identity("anna"), "anna"},
      {in_realm("Anna", ""), "anna"},
      {in_realm("anna", "ANYWHERE"), "anna"},
      {identity("ANYWHERE\\anna"), "anna"},
      {identity("anna@corp.example"), "anna@corp.example"},
      {in_realm("anna@corp.example", "ANYWHERE"), "anna@corp.example"},
      {identity("INTELLINET\\DOUG", nt_hash_of(kPassword)), "INTELLINET\\DOUG"},
      {by_prompt("INTELLINET\\DOUG", kPassword), "INTELLINET\\DOUG"},
      {by_prompt("INTELLINET\\DOUG", nt_hash_of(kPassword)), "INTELLINET\\DOUG"},
  };
  Library library;
  for (const auto& test : cases) {
    BOOST_TEST_CONTEXT(*test.identity.name) {
      Client client({}, test.identity);
      Server server;
      BOOST_REQUIRE(log_in(client, server) == "ok");
      BOOST_TEST(server.user() == test.account);
      BOOST_TEST(client.user() == *test.identity.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(takes_passwords_of_any_letters_and_length) {
  const std::string passwords[] = {"with blanks and \"quotes\"",
                                   "Grüße, Welt",
                                   "пароль",
                                   "😀 emoji",
                                   std::string(14, 'x'),
                                   std::string(15, 'x'),
                                   std::string(250, 'y'),
                                   "{NT}not a hash but {",
                                   "#hash",
                                   "back\\slash"};
  Library library({.server = {{"smtpseal_accounts", "auxprop"}}});
  for (const auto& password : passwords) {
    library.auxprop_passwords["anna"] = password;
    Client client({}, identity("anna", password));
    Server server;
    const std::string result = log_in(client, server);
    // What begins like a hash must be one.
    BOOST_TEST(result == (password.starts_with("{NT}") ? result : "ok"), password << ": " << result);
    BOOST_TEST((result == "ok") != password.starts_with("{NT}"));
  }
}

BOOST_AUTO_TEST_CASE(refuses_blank_and_missing_credentials_before_anything_is_sent) {
  ::unsetenv("USER");  // libsasl2 itself stands in for a missing callback with these
  ::unsetenv("USERNAME");
  ::unsetenv("LOGNAME");
  Identity no_name = identity("");
  no_name.name.reset();
  Identity no_password = identity("anna");
  no_password.password.reset();
  const struct {
    Identity identity;
    const char* reason;
  } cases[] = {
      {identity("anna", ""), "blank"},
      {identity("", kPassword), "account name"},
      {identity("INTELLINET\\", kPassword), "account name"},
      {in_realm("", "INTELLINET"), "account name"},
      {identity("anna", nt_hash_of("")), "blank"},
      {identity("anna", "{NT}31d6cfe0d16ae931b73c59d7e0c089c0"), "blank"},
      {identity("anna", "{NT}31d6"), "password is unusable"},
      {identity("anna", "\xff\xfe"), "password is unusable"},
      {no_name, "name"},
      {no_password, "No worthy mechs found"},  // says libsasl2: the plugin could not ask
      {by_prompt("anna", ""), "blank"},
      {by_prompt("", kPassword), "account name"},
  };
  for (const auto& test : cases) {
    BOOST_TEST_CONTEXT(test.reason) {
      Library library;
      Client client({}, test.identity);
      const auto answer = client.start();
      BOOST_TEST(answer.status != SASL_OK);
      BOOST_TEST(answer.status != SASL_CONTINUE);
      BOOST_TEST(answer.message.empty());
      BOOST_TEST(has(client.error(), test.reason), client.error());
    }
  }
}

BOOST_AUTO_TEST_CASE(asks_the_user_once_for_what_the_application_does_not_know) {
  const struct {
    bool asks_name;
    bool asks_password;
    std::vector<unsigned long> prompted;
  } cases[] = {{true, true, {SASL_CB_AUTHNAME, SASL_CB_PASS}},
               {true, false, {SASL_CB_AUTHNAME}},
               {false, true, {SASL_CB_PASS}},
               {false, false, {}}};
  Library library;
  for (const auto& test : cases) {
    Identity who = identity("INTELLINET\\DOUG");
    who.asks_name = test.asks_name;
    who.asks_password = test.asks_password;
    Client client({}, who);
    Server server;
    BOOST_TEST(log_in(client, server) == "ok");
    BOOST_TEST(client.prompted() == test.prompted, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(tells_an_unknown_account_from_a_wrong_password_in_nothing) {
  Library library;
  std::string answers[2];
  std::size_t i = 0;
  for (const auto& who : {identity("anna", kWrongPassword), identity("nobody", kPassword)}) {
    Client client({}, who);
    Server server;
    answers[i] = log_in(client, server);
    const auto at = answers[i].find(*who.name);
    BOOST_REQUIRE(at != std::string::npos);
    answers[i++].replace(at, who.name->size(), "X");
  }
  BOOST_TEST(answers[0] == answers[1]);
  BOOST_TEST(status_of(answers[0]) == SASL_BADAUTH);
}

BOOST_AUTO_TEST_CASE(refuses_the_right_password_of_another_account_or_domain) {
  Library library({.accounts = "INTELLINET\\DOUG Tru5tno1!\nanna Tru5tno2?\n"});
  for (const auto& who :
       {identity("OTHER\\DOUG"), identity("DOUG"), identity("anna"), identity("DOUG@INTELLINET"),
        identity("INTELLINET\\DOUG", kWrongPassword), identity("INTELLINET\\anna")}) {
    Client client({}, who);
    Server server;
    BOOST_TEST(status_of(log_in(client, server)) == SASL_BADAUTH, *who.name);
  }
}

BOOST_AUTO_TEST_CASE(logs_who_logs_on_and_how) {
  Library library;
  Client client;
  Server server;
  BOOST_REQUIRE(log_in(client, server) == "ok");
  BOOST_TEST(has(library.log(),
                 "logging on to mx.partner.example as INTELLINET\\DOUG by NTLMv2, sealed with 128 bits"),
             library.log());
  BOOST_TEST(has(library.log(), "INTELLINET\\DOUG logged in by NTLMv2, sealed with 128 bits"), library.log());
}

BOOST_AUTO_TEST_CASE(refuses_a_name_with_control_characters_without_logging_it) {
  Library library;
  for (const char* name :
       {"eve\nOct 1 00:00:00 mx sm-mta: forged", "eve\r\nforged", "eve\x1b[2J", "eve\x7f\x01"}) {
    Client client({}, identity(name));
    Server server;
    BOOST_TEST(status_of(log_in(client, server)) == SASL_BADPROT);
    BOOST_TEST(!has(library.log(), "login of eve"), library.log());
  }
}

BOOST_AUTO_TEST_SUITE_END()
