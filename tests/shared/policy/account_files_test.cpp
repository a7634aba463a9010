#include "smtpseal/policy/account_files.hpp"

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

namespace smtpseal::policy {
namespace {

using test::contains;
using test::engine;

// Of "Password", the example password of [MS-NLMP] 4.2.1; hashes from 4.2.2.1.1 and 4.2.2.1.2.
constexpr auto kNt = "{NT}a4f49c406510bdcab6824ee7c30fd852";
constexpr auto kNtLm = "{NT}a4f49c406510bdcab6824ee7c30fd852{LM}e52cac67419a9a224a3b108f3fa6cb6d";

std::string hex(const crypto::Key16& key) {
  std::string text;
  for (const std::byte octet : key.octets()) {
    constexpr auto kDigits = "0123456789abcdef";
    text += kDigits[std::to_integer<unsigned>(octet) >> 4];
    text += kDigits[std::to_integer<unsigned>(octet) & 15U];
  }
  return text;
}

std::string as_field(const StoredSecret& secret) {
  return "{NT}" + hex(secret.nt_hash) + (secret.lm_hash ? "{LM}" + hex(*secret.lm_hash) : "");
}

Credentials credentials(const std::string& text, std::vector<Problem>& problems) {
  return Credentials::parse(engine(), text, "credentials", problems);
}

Accounts accounts(const std::string& text, std::vector<Problem>& problems) {
  return Accounts::parse(engine(), text, "accounts", problems);
}

Accounts good_accounts(const std::string& text) {
  std::vector<Problem> problems;
  auto result = accounts(text, problems);
  for (const auto& problem : problems) BOOST_ERROR(problem.message());
  return result;
}

BOOST_AUTO_TEST_SUITE(policy_account_files)

BOOST_AUTO_TEST_CASE(a_password_is_hashed_as_the_specification_says) {
  const auto parsed = parse_secret(engine(), "Password");
  BOOST_REQUIRE(parsed.secret.has_value());
  BOOST_TEST(as_field(*parsed.secret) == kNtLm);
  BOOST_TEST(format_secret(engine(), "Password", true) == kNtLm);
  BOOST_TEST(format_secret(engine(), "Password", false) == kNt);
}

BOOST_AUTO_TEST_CASE(hashes_are_taken_as_written) {
  for (const std::string field : {kNt, kNtLm}) {
    const auto parsed = parse_secret(engine(), field);
    BOOST_REQUIRE(parsed.secret.has_value());
    BOOST_TEST(as_field(*parsed.secret) == field);
  }
  const auto upper = parse_secret(engine(), "{NT}A4F49C406510BDCAB6824EE7C30FD852");
  BOOST_REQUIRE(upper.secret.has_value());
  BOOST_TEST(as_field(*upper.secret) == kNt);
}

BOOST_AUTO_TEST_CASE(lm_hash_exists_only_where_it_is_defined) {
  BOOST_TEST(parse_secret(engine(), "14 characters!").secret->lm_hash.has_value());
  BOOST_TEST(!parse_secret(engine(), "15 characters!!").secret->lm_hash.has_value());
  BOOST_TEST(!parse_secret(engine(), "Paßwort").secret->lm_hash.has_value());
  BOOST_TEST(!contains(format_secret(engine(), "15 characters!!", true), "{LM}"));
}

BOOST_AUTO_TEST_CASE(lm_hash_knows_no_case) {
  BOOST_TEST(hex(*parse_secret(engine(), "PASSWORD").secret->lm_hash) ==
             hex(*parse_secret(engine(), "password").secret->lm_hash));
}

BOOST_AUTO_TEST_CASE(malformed_and_blank_secrets_are_refused_without_being_shown) {
  const std::string hash = "a4f49c406510bdcab6824ee7c30fd852";
  const std::pair<std::string, std::string> cases[] = {
      {"", "blank password"},
      {" \t ", "blank password"},
      {"{NT}31d6cfe0d16ae931b73c59d7e0c089c0", "blank password"},
      {"{NT}31D6CFE0D16AE931B73C59D7E0C089C0", "blank password"},
      {"{NT}" + hash + "{LM}aad3b435b51404eeaad3b435b51404ee", "leave it out"},
      {"{NT}", "malformed"},
      {"{NT}" + hash.substr(1), "malformed"},
      {"{NT}" + hash + "0", "malformed"},
      {"{NT}" + hash + " ", "malformed"},
      {"{NT}g" + hash.substr(1), "malformed"},
      {"{NT}" + hash + "{LM}", "malformed"},
      {"{NT}" + hash + "{LM}" + hash + "0", "malformed"},
      {"{NT}" + hash + "{NT}" + hash, "malformed"},
      {"{LM}" + hash, "unknown form"},
      {"{nt}" + hash, "unknown form"},
      {"{SSHA}" + hash, "unknown form"},
      {"geheim\xFF", "not UTF-8"},
      {std::string(1025, 'g'), "more than 1024"},
  };
  for (const auto& [field, wanted] : cases) {
    BOOST_TEST_CONTEXT(field) {
      const auto parsed = parse_secret(engine(), field);
      BOOST_TEST(!parsed.secret);
      BOOST_TEST(contains(parsed.problem, wanted), parsed.problem);
      BOOST_TEST(!contains(parsed.problem, hash.substr(1, 8)));
      BOOST_TEST(!contains(parsed.problem, "geheim"));
    }
  }
  for (const std::string password : {"", "  ", "\xFF"})
    BOOST_TEST(format_secret(engine(), password, true) == "");
}

BOOST_AUTO_TEST_CASE(braces_that_name_no_scheme_belong_to_a_password) {
  for (const std::string password : {"{", "{}", "{a b}c", "x{NT}", "{NT"}) {
    BOOST_TEST_CONTEXT(password) {
      BOOST_TEST(as_field(*parse_secret(engine(), password).secret) ==
                 format_secret(engine(), password, true));
    }
  }
}

BOOST_AUTO_TEST_CASE(generation_changes_with_the_secret_only) {
  const auto generation = [](const std::string& field) {
    return parse_secret(engine(), field).secret->generation;
  };
  BOOST_TEST(generation("Password") == generation(kNtLm));
  BOOST_TEST(generation("Password") != generation("password"));
  BOOST_TEST(generation(kNt) != generation(kNtLm));
}

BOOST_AUTO_TEST_CASE(account_names_are_split_at_the_backslash) {
  BOOST_TEST(split_account("CORP\\MX").domain == "CORP");
  BOOST_TEST(split_account("CORP\\MX").user == "MX");
  BOOST_TEST(split_account("MX").domain == "");
  BOOST_TEST(split_account("user@realm.example").user == "user@realm.example");
  BOOST_TEST(split_account("user@realm.example").domain == "");
}

BOOST_AUTO_TEST_CASE(credentials_are_found_in_any_case) {
  std::vector<Problem> problems;
  const auto result = credentials(
      "# who we are\nCORP\\MX\tPassword\n\"CORP\\mail relay\" two words\nuser@realm x y\n", problems);
  BOOST_TEST(problems.empty());
  BOOST_REQUIRE_EQUAL(result.entries().size(), 3U);
  const auto* credential = result.find("corp\\mx");
  BOOST_REQUIRE(credential != nullptr);
  BOOST_TEST(credential->account == "CORP\\MX");
  BOOST_TEST(credential->name.domain == "CORP");
  BOOST_TEST(credential->name.user == "MX");
  BOOST_TEST(credential->origin.text() == "credentials:2");
  BOOST_TEST(as_field(credential->secret) == kNtLm);
  BOOST_TEST(result.find("CORP\\Mail Relay") != nullptr);
  BOOST_TEST(result.find("MX") == nullptr);
  BOOST_TEST(result.find("") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_credentials_password_is_the_rest_of_the_line) {
  const std::pair<std::string, std::string> cases[] = {
      {"a  two  words ", "two  words"},
      {"a no # comment", "no # comment"},
      {"a domains=x", "domains=x"},
      {"a \" kept blanks \"", " kept blanks "},
      {"a \"in\"side\"", "in\"side"},
      {"a in\"side", "in\"side"},
      {"a crlf\r", "crlf"},
  };
  for (const auto& [line, password] : cases) {
    BOOST_TEST_CONTEXT(line) {
      std::vector<Problem> problems;
      const auto result = credentials(line + "\n", problems);
      BOOST_REQUIRE_EQUAL(result.entries().size(), 1U);
      BOOST_TEST(as_field(result.entries()[0].secret) == format_secret(engine(), password, true));
    }
  }
}

BOOST_AUTO_TEST_CASE(malformed_credentials_are_told_by_line_and_show_no_secret) {
  const std::pair<std::string, std::string> cases[] = {
      {"geheim", "the secret behind the account is missing"},
      {"A\\B\\C geheim", "at most one backslash"},
      {"\\a geheim", "neither part is empty"},
      {"\"a geheim", "a double quote is not closed"},
      {"\"a\"geheim x", "must be followed by a blank"},
      {"a \"geheim", "a double quote is not closed"},
      {"a \"", "a double quote is not closed"},
      {"a \"\"", "blank password"},
      {"a {XX}geheim", "unknown form"},
      {"a {NT}geheim", "malformed"},
      {" a geheim", "no continuation lines"},
      {"a geheim\x01", "control character"},
      {"a geheim\xFF", "not UTF-8"},
  };
  for (const auto& [line, wanted] : cases) {
    BOOST_TEST_CONTEXT(line) {
      std::vector<Problem> problems;
      credentials("x y\n" + line + "\n", problems);
      BOOST_TEST_REQUIRE(problems.size() == 1U);
      BOOST_TEST(problems[0].origin.text() == "credentials:2");
      BOOST_TEST(contains(problems[0].text, wanted), problems[0].text);
      BOOST_TEST(!contains(problems[0].text, "geheim"));
    }
  }
}

BOOST_AUTO_TEST_CASE(repeated_accounts_are_refused_in_any_case) {
  std::vector<Problem> problems;
  credentials("CORP\\MX a\nx b\ncorp\\mx c\n", problems);
  accounts("Partner a\nPARTNER b\n", problems);
  BOOST_REQUIRE_EQUAL(problems.size(), 2U);
  BOOST_TEST(problems[0].message() ==
             "credentials:3: account \"corp\\mx\" is given twice; the first is in line 1");
  BOOST_TEST(problems[1].message() ==
             "accounts:2: account \"PARTNER\" is given twice; the first is in line 1");
}

BOOST_AUTO_TEST_CASE(an_account_has_the_defaults_of_the_manual) {
  const auto result = good_accounts("PARTNER Password\n");
  const auto& account = result.entries().at(0);
  BOOST_TEST(account.domains.empty());
  BOOST_TEST(!account.relay);
  BOOST_TEST((account.profile == Profile::modern));
  BOOST_TEST(account.strength == 128U);
  BOOST_TEST(as_field(account.secret) == kNtLm);
  BOOST_TEST(account.origin.text() == "accounts:1");
}

BOOST_AUTO_TEST_CASE(every_account_attribute_is_taken) {
  const auto result = good_accounts(
      "\"PART NER\" \"my password\" domains=A.example,.döm.example relay=yes profile=exchange-5.5 "
      "strength=40\n");
  const auto& account = result.entries().at(0);
  BOOST_TEST(account.account == "PART NER");
  BOOST_TEST(account.domains == (std::vector<std::string>{"a.example", ".xn--dm-fka.example"}));
  BOOST_TEST(account.relay);
  BOOST_TEST((account.profile == Profile::exchange_55));
  BOOST_TEST(account.strength == 40U);
  BOOST_TEST(as_field(account.secret) == format_secret(engine(), "my password", true));
}

BOOST_AUTO_TEST_CASE(malformed_accounts_are_told_by_line_and_show_no_secret) {
  const std::pair<std::string, std::string> cases[] = {
      {"a", "the secret behind the account is missing"},
      {"a \"geheim", "a double quote is not closed"},
      {"a \"geheim\"x", "must be followed by a blank"},
      {"a my geheim word", "a password with blanks must be in double quotes"},
      {"a my geheim=word", "unknown attribute behind the secret"},
      {"a x domains=", "domains=\"\": "},
      {"a x domains=a.example,", "is no pattern"},
      {"a x domains=a..example", "is no pattern"},
      {"a x domains=a.example, b.example", "is no pattern"},
      {"a x relay=true", "relay=\"true\": allowed are no, yes"},
      {"a x relay=yes relay=yes", "relay= is given twice"},
      {"a x profile=exchange-5.0", "allowed are modern, exchange-5.5"},
      {"a x strength=1", "allowed are 40, 56, 128"},
      {"a x relay=\"yes", "a double quote is not closed"},
      {"a {NT}geheim", "malformed"},
  };
  for (const auto& [line, wanted] : cases) {
    BOOST_TEST_CONTEXT(line) {
      std::vector<Problem> problems;
      accounts("# c\n" + line + "\n", problems);
      BOOST_TEST_REQUIRE(problems.size() == 1U);
      BOOST_TEST(problems[0].origin.text() == "accounts:2");
      BOOST_TEST(contains(problems[0].text, wanted), problems[0].text);
      BOOST_TEST(!contains(problems[0].text, "geheim"));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_claim_matches_its_domain_or_an_account_without_one) {
  const auto result = good_accounts("CORP\\MX a\nPARTNER b\nMX2 c\nOTHER\\MX2 d\nuser@realm e\n");
  struct Case {
    const char* domain;
    const char* user;
    const char* account;  // nullptr: nobody
  };
  const Case cases[] = {
      {"CORP", "MX", "CORP\\MX"},     {"corp", "mx", "CORP\\MX"}, {"", "MX", nullptr},
      {"OTHER", "MX", nullptr},       {"", "PARTNER", "PARTNER"}, {"ANY", "partner", "PARTNER"},
      {"OTHER", "MX2", "OTHER\\MX2"}, {"X", "MX2", "MX2"},        {"", "user@realm", "user@realm"},
      {"", "CORP\\MX", nullptr},      {"CORP\\", "MX", nullptr},  {"", "", nullptr},
      {"CORP", "", nullptr},          {"CORP\\MX", "", nullptr},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.domain << " " << c.user) {
      const auto* account = result.find(c.domain, c.user);
      BOOST_TEST((account == nullptr) == (c.account == nullptr));
      if (account != nullptr && c.account != nullptr) BOOST_TEST(account->account == c.account);
    }
  }
  BOOST_TEST(result.find("corp\\mx")->account == "CORP\\MX");
  BOOST_TEST(result.find("mx") == nullptr);
}

BOOST_AUTO_TEST_CASE(binding_is_exact_or_by_parent) {
  const auto result = good_accounts("a x domains=a.example,.b.example\nb x\nc x domains=*\n");
  const auto& bound = result.entries()[0];
  BOOST_TEST(bound.is_bound_to("a.example"));
  BOOST_TEST(bound.is_bound_to("x.b.example"));
  BOOST_TEST(bound.is_bound_to("y.x.b.example"));
  for (const char* domain :
       {"", "x.a.example", "b.example", ".b.example", "xb.example", "example", "xa.example"}) {
    BOOST_TEST(!bound.is_bound_to(domain), domain);
  }
  BOOST_TEST(!result.entries()[1].is_bound_to("a.example"));
  BOOST_TEST(result.entries()[2].is_bound_to("any.example"));
}

BOOST_AUTO_TEST_CASE(forgets_secrets_and_keeps_bindings) {
  auto result = good_accounts(std::string("a ") + kNtLm + " domains=a.example relay=yes\n");
  result.forget_secrets();
  const auto* account = result.find("a");
  BOOST_REQUIRE(account != nullptr);
  BOOST_TEST(as_field(account->secret) == "{NT}00000000000000000000000000000000");
  BOOST_TEST(account->is_bound_to("a.example"));
  BOOST_TEST(account->relay);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::policy
