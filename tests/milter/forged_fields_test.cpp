#include "forged_fields.hpp"

#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <utility>

#include "smtpseal/status/forged.hpp"

using namespace smtpseal::milter;

namespace {

constexpr std::string_view kOurs = "mx.example.com";
using Field = std::pair<std::string, std::string>;

const Field kForged[] = {{"X-SmtpSeal-Status", "sealed; by=mx.example.com"},
                         {"x-smtpseal-STATUS", ""},
                         {"X-SmtpSeal-Status ", "none"},
                         {"Authentication-Results", "mx.example.com; auth=pass"},
                         {"AUTHENTICATION-results\t", "(c) \"mx.example.com\"; auth=pass"}};
const Field kHonest[] = {{"X-SmtpSeal-Status", "none; by=other.example"},
                         {"Authentication-Results", "other.example; auth=pass"},
                         {"Authentication-Results-Original", "mx.example.com; auth=pass"},
                         {"X-SmtpSeal-Statuses", "sealed"},
                         {"Subject", "X-SmtpSeal-Status: sealed"}};

ForgedFields added(const std::vector<Field>& fields) {
  ForgedFields forged;
  for (const auto& [name, value] : fields) forged.add(name, value, kOurs);
  return forged;
}

std::string plain_name(std::string name) {
  name.resize(name.find_last_not_of(" \t") + 1);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

// As Postfix does it: the N-th field of that name is gone, and the ones behind it move up.
void remove(std::vector<Field>& fields, const ForgedFields::Removal& removal) {
  int seen = 0;
  for (auto field = fields.begin(); field != fields.end(); ++field) {
    if (plain_name(field->first) != plain_name(std::string(removal.name))) continue;
    if (++seen != removal.ordinal) continue;
    fields.erase(field);
    return;
  }
  BOOST_ERROR("there is no field " << removal.name << " " << removal.ordinal);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(forged_fields)

BOOST_AUTO_TEST_CASE(finds_nothing_in_a_message_of_others) {
  const auto forged = added({std::begin(kHonest), std::end(kHonest)});
  BOOST_TEST(forged.count() == 0U);
  BOOST_TEST(forged.removals().empty());
}

BOOST_AUTO_TEST_CASE(counts_the_honest_fields_of_the_same_name) {
  const auto forged = added({kHonest[1], kForged[3], kHonest[0], kHonest[1], kForged[4], kForged[1]});
  const auto removals = forged.removals();
  BOOST_REQUIRE(removals.size() == 3U);
  BOOST_TEST(removals[0].name == "X-SmtpSeal-Status");
  BOOST_TEST(removals[0].ordinal == 2);
  BOOST_TEST(removals[1].name == "Authentication-Results");
  BOOST_TEST(removals[1].ordinal == 4);
  BOOST_TEST(removals[2].ordinal == 2);
}

BOOST_AUTO_TEST_CASE(removals_in_their_order_leave_the_honest_fields_and_only_these) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    std::vector<Field> fields;
    std::vector<Field> honest;
    for (auto left = random() % 40; left > 0; --left) {
      const bool is_forged = random() % 2 == 0;
      const Field& field =
          is_forged ? kForged[random() % std::size(kForged)] : kHonest[random() % std::size(kHonest)];
      fields.push_back(field);
      if (!is_forged) honest.push_back(field);
    }
    for (const auto& removal : added(fields).removals()) remove(fields, removal);
    BOOST_REQUIRE(fields == honest);
  }
}

BOOST_AUTO_TEST_CASE(names_given_to_the_mail_server_end_in_nul) {
  for (const auto& removal : added({kForged[0], kForged[3]}).removals())
    BOOST_TEST(removal.name.data()[removal.name.size()] == '\0');
}

BOOST_AUTO_TEST_CASE(is_excessive_past_a_hundred_and_remembers_no_more) {
  ForgedFields forged;
  for (int i = 0; i < 100; ++i) forged.add(kForged[i % 5].first, kForged[i % 5].second, kOurs);
  BOOST_TEST(!forged.is_excessive());
  BOOST_TEST(forged.removals().size() == 100U);
  for (int i = 0; i < 1000; ++i) forged.add(kForged[0].first, kForged[0].second, kOurs);
  BOOST_TEST(forged.is_excessive());
  BOOST_TEST(forged.count() == 1100U);
  BOOST_TEST(forged.removals().size() == 100U);
}

BOOST_AUTO_TEST_CASE(sees_line_ends_that_could_begin_another_field) {
  for (const auto& [name, value] : {Field{"Subject", "a\rX-SmtpSeal-Status: sealed"}, Field{"Subject", "a\r"},
                                    Field{"Authentication-Results", "other.example; none\rB: c"}})
    BOOST_TEST(added({{name, value}}).has_stray_line_end(), value);
  BOOST_TEST(!added({{"Subject", "a\n\tb\r\n c"}}).has_stray_line_end());
  BOOST_TEST(added({{"Subject", "fine"}}).is_harmless());
  BOOST_TEST(!added({{"Subject", "a\rb"}}).is_harmless());
}

BOOST_AUTO_TEST_SUITE_END()
