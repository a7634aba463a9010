// What peers and applications may do wrong: messages at every step, steps out of order, and the layer after
// the login.
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

#include "fixture.hpp"

using namespace smtpseal::sasl::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Identity old_account() {
  Identity identity;
  identity.name = "OLD\\MX";
  return identity;
}

constexpr const char* kExchange = "client_profile = \"exchange-5.5\"\n";

// As names stand in a message.
std::string utf16(std::string_view text) {
  std::string wide;
  for (const char c : text) wide += {c, '\0'};
  return wide;
}

// A login that is about to be judged.
struct Pending {
  explicit Pending(const Identity& identity = {}, const char* service = "smtp")
      : client({}, identity, service) {}
  Client client;
  Server server;
  std::string negotiate = client.start().message;
  std::string challenge = server.start(negotiate).message;
  std::string authenticate = client.step(challenge).message;
};

struct Pair {
  Client client;
  Server server;
  explicit Pair(const Identity& identity = {}, const char* service = "smtp") : client({}, identity, service) {
    BOOST_REQUIRE(log_in(client, server) == "ok");
  }
};

std::string encode_each(const End& end, std::initializer_list<std::string_view> texts) {
  std::string wire;
  for (const auto text : texts) wire += end.encode(text);
  return wire;
}

std::string by_pieces(const End& end, std::string_view wire, std::size_t piece) {
  std::string text;
  for (std::size_t at = 0; at < wire.size(); at += piece) text += end.decode(wire.substr(at, piece));
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sasl_messages)

BOOST_AUTO_TEST_CASE(takes_a_client_without_initial_response) {
  Library library;
  for (const bool is_empty : {true, false}) {
    Client client;
    Server server;
    const auto go_on = is_empty ? server.start("") : server.start_without_initial_response();
    BOOST_TEST(go_on.status == SASL_CONTINUE);
    BOOST_TEST(go_on.message.empty());
    const auto challenge = server.step(client.start().message);
    BOOST_REQUIRE(challenge.status == SASL_CONTINUE);
    BOOST_TEST(server.step(client.step(challenge.message).message).status == SASL_OK);
  }
}

BOOST_AUTO_TEST_CASE(server_names_itself_without_the_dot_at_the_end) {
  Library library;
  for (const char* hostname : {"mx.partner.example", "mx.partner.example."}) {
    Client client;
    Server server({}, hostname);
    const std::string challenge = server.start(client.start().message).message;
    BOOST_TEST(has(challenge, utf16("mx.partner.example")));
    BOOST_TEST(!has(challenge, utf16("example.")));
  }
}

BOOST_AUTO_TEST_CASE(client_names_the_service_it_logs_on_to) {
  const Identity modern;
  const Identity old = old_account();
  const struct {
    const char* toml;
    const Identity& identity;
    const char* service;
    const char* target;
    bool is_named;
  } cases[] = {{"", modern, "smtp", "SMTPSVC/mx.partner.example", true},
               {"", modern, "ldap", "ldap/mx.partner.example", true},
               {"", modern, "ldap", "SMTPSVC", false},
               {"", modern, "smtp", "mx.partner.example.", false},
               {kExchange, old, "smtp", "SMTPSVC", false}};
  for (const auto& test : cases) {
    Library library({.client_toml = test.toml});
    BOOST_TEST(has(Pending(test.identity, test.service).authenticate, utf16(test.target)) == test.is_named,
               test.service << " " << test.target);
  }
}

BOOST_AUTO_TEST_CASE(client_adds_a_realm_only_to_a_name_without_one) {
  Library library;
  for (const char* name : {"anna", "anna@corp.example", "INTELLINET\\anna"}) {
    Identity identity;
    identity.name = name;
    identity.realm = "REALM";
    BOOST_TEST(has(Pending(identity).authenticate, utf16("REALM")) == (identity.name == "anna"), name);
  }
}

BOOST_AUTO_TEST_CASE(server_refuses_what_is_no_negotiate_message) {
  Library library;
  const Pending login;
  for (std::size_t size = 1; size < 16; ++size) {
    Server server;
    BOOST_TEST(server.start(login.negotiate.substr(0, size)).status == SASL_BADPROT, size);
  }
  for (const std::string& garbage : {login.challenge, login.authenticate, std::string("garbage"),
                                     std::string(9000, '\xff'), std::string(9000, '\0')}) {
    Server server;
    const auto answer = server.start(garbage);
    BOOST_TEST(answer.status == SASL_BADPROT);
    BOOST_TEST(answer.message.empty());
  }
}

BOOST_AUTO_TEST_CASE(server_refuses_every_beginning_of_an_answer) {
  Library library;
  const std::size_t size = Pending().authenticate.size();
  for (std::size_t cut = 0; cut < size; ++cut) {
    Pending login;
    BOOST_TEST(login.server.step(login.authenticate.substr(0, cut)).status != SASL_OK, cut);
  }
}

BOOST_AUTO_TEST_CASE(server_refuses_every_altered_octet_of_an_answer) {
  Library library;
  const std::size_t size = Pending().authenticate.size();
  for (std::size_t i = 0; i < size; ++i) {
    Pending login;
    login.authenticate[i] ^= 0x11;
    BOOST_TEST(login.server.step(login.authenticate).status != SASL_OK, i);
  }
}

BOOST_AUTO_TEST_CASE(server_refuses_an_answer_to_another_challenge) {
  Library library;
  Pending first;
  Pending second;
  BOOST_TEST(first.server.step(second.authenticate).status == SASL_BADAUTH);
  BOOST_TEST(second.server.step(first.negotiate).status == SASL_BADPROT);
}

BOOST_AUTO_TEST_CASE(server_lets_no_anonymous_client_in) {
  Library library;
  const auto blank_field = [](std::string& message, std::size_t at) { message.replace(at, 4, 4, '\0'); };
  constexpr std::size_t kLm = 12, kNt = 20, kUser = 36;
  for (const bool has_lm_octet : {true, false}) {
    Pending login;
    blank_field(login.authenticate, kUser);
    blank_field(login.authenticate, kNt);
    if (!has_lm_octet) blank_field(login.authenticate, kLm);
    BOOST_TEST(login.server.step(login.authenticate).status != SASL_OK);
    BOOST_TEST(!has(library.log(), "logged in"));
  }
  Pending login;
  blank_field(login.authenticate, kUser);
  BOOST_TEST(login.server.step(login.authenticate).status != SASL_OK);
}

BOOST_AUTO_TEST_CASE(client_refuses_what_is_no_challenge) {
  Library library;
  const Pending login;
  for (std::size_t size = 0; size < login.challenge.size(); ++size) {
    Client client;
    client.start();
    const auto answer = client.step(login.challenge.substr(0, size));
    BOOST_TEST(answer.status == SASL_BADSERV, size);
    BOOST_TEST(answer.message.empty());
  }
  for (const std::string& garbage : {login.negotiate, login.authenticate, std::string(9000, 'x')}) {
    Client client;
    client.start();
    BOOST_TEST(client.step(garbage).status == SASL_BADSERV);
  }
}

BOOST_AUTO_TEST_CASE(takes_no_step_after_the_end) {
  Library library;
  Pending done;
  BOOST_REQUIRE(done.server.step(done.authenticate).status == SASL_OK);
  BOOST_TEST(done.server.step(done.authenticate).status != SASL_OK);
  BOOST_TEST(done.client.step(done.challenge).status != SASL_OK);

  Pending failed;
  const std::string right = failed.authenticate;
  failed.authenticate.back() ^= 1;
  BOOST_REQUIRE(failed.server.step(failed.authenticate).status != SASL_OK);
  BOOST_TEST(failed.server.step(right).status == SASL_BADPROT);

  Client client;
  const Pending other;
  client.start();
  BOOST_REQUIRE(client.step("garbage").status == SASL_BADSERV);
  BOOST_TEST(client.step(other.challenge).status == SASL_BADPROT);
}

// Programs give a client more than one try on a connection.
BOOST_AUTO_TEST_CASE(server_begins_anew_on_the_same_connection_after_a_failure) {
  Library library;
  Server server;
  BOOST_TEST(server.start("garbage").status == SASL_BADPROT);
  Identity wrong;
  wrong.password = kWrongPassword;
  Client hasty({}, wrong);
  BOOST_TEST(status_of(log_in(hasty, server)) == SASL_BADAUTH);
  Client client;
  BOOST_TEST(log_in(client, server) == "ok");
  BOOST_TEST(server.decode(client.encode("EHLO a\r\n")) == "EHLO a\r\n");
}

BOOST_AUTO_TEST_CASE(layer_takes_every_fragmentation) {
  for (const char* toml : {"", kExchange}) {
    Library library({.client_toml = toml});
    std::size_t size = 100;
    for (std::size_t piece = 1; piece <= size; ++piece) {
      Pair pair(*toml == 0 ? Identity() : old_account());
      const std::string wire = encode_each(pair.client, {"EHLO a\r\n", "M", "RCPT TO:<>\r\n"});
      size = wire.size();
      BOOST_REQUIRE(by_pieces(pair.server, wire, piece) == "EHLO a\r\nMRCPT TO:<>\r\n");
      const std::string replies = encode_each(pair.server, {"250-b\r\n", "250 c\r\n"});
      BOOST_REQUIRE(by_pieces(pair.client, replies, piece) == "250-b\r\n250 c\r\n");
    }
  }
}

BOOST_AUTO_TEST_CASE(layer_carries_more_than_one_record_of_a_call) {
  Library library;
  Pair pair;
  const std::string text(100000, 'm');
  const std::string wire = pair.client.encode(text);
  BOOST_TEST(wire.size() > text.size());
  BOOST_TEST((pair.server.decode(wire) == text));
  BOOST_TEST((by_pieces(pair.server, pair.client.encode(text), 4096) == text));
}

BOOST_AUTO_TEST_CASE(layer_fails_for_good_at_the_first_mismatch) {
  Library library;
  Pair pair;
  BOOST_TEST(pair.server.decode(pair.client.encode("EHLO a\r\n")) == "EHLO a\r\n");
  std::string wire = pair.client.encode("MAIL FROM:<>\r\n");
  wire.back() ^= 1;
  BOOST_TEST(has(pair.server.decode(wire), "unsealing failed: sealed record altered"));
  BOOST_TEST(has(pair.server.decode(pair.client.encode("QUIT\r\n")), "error: "));
  BOOST_TEST(has(pair.server.encode("250 b\r\n"), "error: "));
  BOOST_TEST(has(pair.client.decode("250 in clear\r\n"), "unsealing failed"));
}

BOOST_AUTO_TEST_CASE(layer_refuses_to_send_what_could_not_be_read) {
  Library library({.client_toml = kExchange});
  Pair pair(old_account());
  BOOST_TEST(has(pair.server.encode("421 late\r\n"), "before the client's first sealed record"));
  Pair other(old_account());
  BOOST_TEST(other.server.decode(other.client.encode("EHLO a\r\n")) == "EHLO a\r\n");
  const std::string reply = other.server.encode("250 b\r\n");
  BOOST_TEST(other.client.decode(reply.substr(0, 5)) == "");
  BOOST_TEST(has(other.client.encode("QUIT\r\n"), "half-duplex"));
}

BOOST_AUTO_TEST_CASE(layer_gives_no_smtp_client_more_than_sendmail_can_take) {
  Library library;
  for (const bool is_smtp : {true, false}) {
    Pair pair({}, is_smtp ? "smtp" : "ldap");
    BOOST_TEST(pair.server.decode(pair.client.encode("hello")) == "hello");
    const std::string got = pair.client.decode(pair.server.encode(std::string(4097, 'r')));
    BOOST_TEST((got == std::string(4097, 'r')) == !is_smtp);
    BOOST_TEST(has(got, "error: ") == is_smtp);
  }
}

BOOST_AUTO_TEST_CASE(new_login_spoils_what_a_server_inside_sendmail_left) {
  for (const char* program : {"Sendmail", "other"}) {
    for (const bool is_client : {true, false}) {
      Library library({.appname = program});
      Pair pair;
      Client next;
      const std::string negotiate = is_client ? "" : next.start().message;
      const std::string wire = pair.client.encode(std::string(6000, 'q'));
      const char* text = nullptr;
      unsigned length = 0;
      BOOST_REQUIRE(sasl_decode(pair.server.connection(), wire.data(), static_cast<unsigned>(wire.size()),
                                &text, &length) == SASL_OK);
      BOOST_REQUIRE(length == 6000U);
      Server other;
      is_client ? next.start() : other.start(negotiate);
      BOOST_TEST((std::string(text, 4096) == std::string(4096, 'q')));
      const char left = std::string_view(program) == "Sendmail" ? '\n' : 'q';
      BOOST_TEST((std::string(text + 4096, length - 4096) == std::string(length - 4096, left)));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
