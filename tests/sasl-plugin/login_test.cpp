// Logins by libsasl2 itself: client and server of the plugin against each other.
#include <boost/test/unit_test.hpp>
#include <string>

#include "fixture.hpp"

using namespace smtpseal::sasl::test;

namespace {

constexpr unsigned kNoLimit = 2147483647;
constexpr Limits kSendmail{0, kNoLimit, 0, 8192};
constexpr Limits kPostfix{0, 0, 0, 0};

// Lines of [sasl].
const std::string exchange = "client_profile = \"exchange-5.5\"\n";
const std::string require = "client_layer = \"require\"\n";
const std::string never = "client_layer = \"never\"\n";
const std::string from_40 = "client_strength = \"40\"\n";
const std::string from_56 = "client_strength = \"56\"\n";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// One message each way through the layer.
void check_dialogue(const End& client, const End& server) {
  const std::string question = client.encode("MAIL FROM:<anna@sender.example>\r\n");
  BOOST_TEST(server.decode(question) == "MAIL FROM:<anna@sender.example>\r\n");
  const std::string answer = server.encode("250 2.1.0 Ok\r\n");
  BOOST_TEST(client.decode(answer) == "250 2.1.0 Ok\r\n");
  BOOST_TEST(!has(question, "anna"));
  BOOST_TEST(!has(answer, "250"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sasl_login)

BOOST_AUTO_TEST_CASE(negotiates_what_settings_and_limits_leave) {
  const struct {
    std::string client_toml;
    Limits client;
    Limits server;
    const char* account;
    const char* response;
    unsigned ssf;
    std::string server_toml{};
  } cases[] = {
      {"", kSendmail, kSendmail, "INTELLINET\\DOUG", "NTLMv2", 128},
      {require, kSendmail, kSendmail, "INTELLINET\\DOUG", "NTLMv2", 128},
      {never, kSendmail, kSendmail, "INTELLINET\\DOUG", "NTLMv2", 0},
      {"", kPostfix, kPostfix, "INTELLINET\\DOUG", "NTLMv2", 0},
      {"", kPostfix, kSendmail, "INTELLINET\\DOUG", "NTLMv2", 0},
      // As strong as both can, as weak as both allow.
      {from_40, kSendmail, kSendmail, "WEAK", "NTLMv2", 128},
      {from_40, {0, 56, 0, 8192}, kSendmail, "WEAK", "NTLMv2", 56},
      {from_40, {0, 40, 0, 8192}, kSendmail, "WEAK", "NTLMv2", 40},
      {from_40, kSendmail, {0, 56, 0, 8192}, "WEAK", "NTLMv2", 56},
      {from_40, kSendmail, {0, 40, 0, 8192}, "WEAK", "NTLMv2", 40},
      {from_40, kSendmail, {0, 127, 0, 8192}, "MIDDLE", "NTLMv2", 56},
      {from_56, kSendmail, {56, 100, 0, 8192}, "MIDDLE", "NTLMv2", 56},
      {from_56, {56, 56, 0, 8192}, {56, 56, 0, 8192}, "MIDDLE", "NTLMv2", 56},
      // TLS below.
      {"", {0, kNoLimit, 256, 8192}, {0, kNoLimit, 256, 8192}, "INTELLINET\\DOUG", "NTLMv2", 0},
      {require, {0, kNoLimit, 256, 8192}, {0, kNoLimit, 256, 8192}, "INTELLINET\\DOUG", "NTLMv2", 128},
      {"", {0, kNoLimit, 56, 8192}, {0, kNoLimit, 56, 8192}, "INTELLINET\\DOUG", "NTLMv2", 128},
      // Without ESS the strength is LM_KEY's, or 128.
      {exchange, kPostfix, kPostfix, "OLD\\MX", "NTLMv1", 0},
      {exchange, kSendmail, kSendmail, "OLD\\MX", "NTLMv1", 128},
      {exchange + from_56, kSendmail, kSendmail, "OLD\\MX", "NTLMv1", 56},
      {exchange + from_40, kSendmail, kSendmail, "OLD\\MX", "NTLMv1", 40},
      {exchange + never, kSendmail, kSendmail, "OLD\\MX", "NTLMv1", 0},
      // What counts as how much.
      {"ssf_limit = 64\n", kSendmail, kSendmail, "INTELLINET\\DOUG", "NTLMv2", 64, "ssf_limit = 64\n"},
      {"ssf_limit = 64\n",
       {64, 64, 0, 8192},
       {64, 64, 0, 8192},
       "INTELLINET\\DOUG",
       "NTLMv2",
       64,
       "ssf_limit = 64\n"},
      {"client_framing = \"le-trailing\"\n", kSendmail, kSendmail, "INTELLINET\\DOUG", "NTLMv2", 128},
      {"client_framing = \"be-trailing\"\n", kSendmail, kSendmail, "INTELLINET\\DOUG", "NTLMv2", 128},
      {"client_framing = \"le-leading\"\n", kSendmail, kSendmail, "INTELLINET\\DOUG", "NTLMv2", 128},
  };
  for (const auto& test : cases) {
    BOOST_TEST_CONTEXT(test.client_toml << test.account << ", ssf " << test.ssf) {
      Library library({.client_toml = test.client_toml, .server_toml = test.server_toml});
      Client client(test.client, identity(test.account));
      Server server(test.server);
      BOOST_TEST(server.offers_ntlm());
      BOOST_REQUIRE(log_in(client, server) == "ok");
      BOOST_TEST(client.ssf() == test.ssf);
      BOOST_TEST(server.ssf() == test.ssf);
      if (test.ssf != 0) {
        BOOST_TEST(client.max_out() == 4076U);
        BOOST_TEST(server.max_out() == 4076U);
        check_dialogue(client, server);
      }
      BOOST_TEST(client.user() == test.account);
      BOOST_TEST(server.user() == test.account);
      BOOST_TEST(has(library.log(), std::string(test.account) + " logged in by " + test.response));
    }
  }
}

BOOST_AUTO_TEST_CASE(refuses_what_settings_and_limits_exclude) {
  const struct {
    std::string client_toml;
    Limits client;
    Limits server;
    const char* account;
    const char* stage;   // what the result starts with
    const char* reason;  // what it says
    std::string server_toml{};
  } cases[] = {
      // In the first step, so that Sendmail defers.
      {require, {0, 0, 0, 8192}, kSendmail, "INTELLINET\\DOUG", "client start: -15", "max_ssf 0"},
      {require, {0, kNoLimit, 0, 0}, kSendmail, "INTELLINET\\DOUG", "client start: -15", "maxbufsize 0"},
      {require, {0, 256, 256, 8192}, kSendmail, "INTELLINET\\DOUG", "client start: -15", "TLS has 256"},
      {"", {0, 1, 0, 8192}, kSendmail, "INTELLINET\\DOUG", "client start: -15", "max_ssf 1"},
      {"", {0, 127, 0, 8192}, kSendmail, "INTELLINET\\DOUG", "client start: -15", "sasl.client_strength"},
      {"client_layer = \"never\"\n",
       {1, kNoLimit, 0, 8192},
       kSendmail,
       "INTELLINET\\DOUG",
       "client start: -15",
       "client_layer is never"},
      {"ssf_limit = 64\n",
       {65, kNoLimit, 0, 8192},
       kSendmail,
       "INTELLINET\\DOUG",
       "client start: -15",
       "min_ssf"},
      // libsasl2 itself knows that no mechanism has so much.
      {"",
       {129, kNoLimit, 0, 8192},
       kSendmail,
       "INTELLINET\\DOUG",
       "client start: -4",
       "No worthy mechs found"},
      // The server grants too little: before the answer to its challenge leaves.
      {"", kSendmail, kPostfix, "INTELLINET\\DOUG", "client step: -10", "seal"},
      {"", kSendmail, {0, 56, 0, 8192}, "WEAK", "client step: -10", "weak"},
      {from_56, kSendmail, {0, 40, 0, 8192}, "WEAK", "client step: -10", "weak"},
      // The client asks for too little.
      {from_40, {0, 40, 0, 8192}, {41, kNoLimit, 0, 8192}, "WEAK", "server step: -15", "WEAK"},
      {"client_layer = \"never\"\n",
       kSendmail,
       {1, kNoLimit, 0, 8192},
       "INTELLINET\\DOUG",
       "server step: -15",
       "security layer"},
      {"", kPostfix, {112, kNoLimit, 0, 8192}, "INTELLINET\\DOUG", "server step: -15", "security layer"},
      {from_40, {0, 40, 0, 8192}, kSendmail, "INTELLINET\\DOUG", "server step: -15", "weaker"},
      {from_40, {0, 40, 0, 8192}, kSendmail, "MIDDLE", "server step: -15", "MIDDLE"},
      {exchange, kPostfix, kPostfix, "INTELLINET\\DOUG", "server step: -15", "INTELLINET\\DOUG"},
      {exchange, kSendmail, kSendmail, "WEAK", "server step: -15", "WEAK"},
      // More than the application takes: without ESS and LM_KEY a seal has 128 bits.
      {exchange + from_56,
       {0, 56, 0, 8192},
       kSendmail,
       "INTELLINET\\DOUG",
       "client step: -15",
       "at most",
       "accounts-without-lm-key"},
      // The server cannot have what it must.
      {"", kSendmail, {1, 0, 0, 8192}, "INTELLINET\\DOUG", "server start: -4", ""},
  };
  for (const auto& test : cases) {
    BOOST_TEST_CONTEXT(test.client_toml << test.account << ", " << test.stage << ", " << test.reason) {
      const bool has_modern_only = test.server_toml == "accounts-without-lm-key";
      Options options{.client_toml = test.client_toml};
      if (has_modern_only) options.accounts = "INTELLINET\\DOUG Tru5tno1!\n";
      Library library(options);
      Client client(test.client, identity(test.account));
      Server server(test.server);
      const std::string result = log_in(client, server);
      BOOST_TEST(result.starts_with(test.stage), result);
      BOOST_TEST((has(result, test.reason) || has(library.log(), test.reason)), result << library.log());
      BOOST_TEST(client.connection() != nullptr);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
