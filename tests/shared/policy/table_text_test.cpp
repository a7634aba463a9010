#include "smtpseal/policy/table_text.hpp"

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

namespace smtpseal::policy {
namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view line, TrailingComments comments, std::string* problem = nullptr) {
  FieldReader fields(line, comments);
  Words words;
  while (const auto word = fields.word()) words.emplace_back(*word);
  if (problem != nullptr) *problem = fields.problem();
  return words;
}

BOOST_AUTO_TEST_SUITE(policy_table_text)

BOOST_AUTO_TEST_CASE(lines_are_where_they_say_so_that_an_editor_can_cut_them) {
  const std::string text = "\xEF\xBB\xBF# c\r\none 1\r\n\ntwo 2  \nthree 3";
  std::string cut;
  std::vector<Problem> problems;
  const unsigned lines = for_each_entry(text, "f", problems, [&](const TableLine& line) {
    cut += std::to_string(line.number) + "<" + text.substr(line.offset, line.size) + "|" +
           std::string(line.text) + ">";
  });
  BOOST_TEST(cut == "2<one 1\r\n|one 1>4<two 2  \n|two 2>5<three 3|three 3>");
  BOOST_TEST(lines == 5U);
  BOOST_TEST(problems.empty());
}

BOOST_AUTO_TEST_CASE(any_cut_of_a_text_yields_lines_within_it) {
  const std::string text = "\xEF\xBB\xBF# c\r\n\"o ne\" 1\r\n x\n\ntwo=\"2\"  # c\nd\xC3\xB6m 3";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto part = text.substr(0, size);
    std::vector<Problem> problems;
    std::size_t end = 0;
    for_each_entry(part, "f", problems, [&](const TableLine& line) {
      BOOST_TEST(line.offset >= end);
      end = line.offset + line.size;
      BOOST_TEST(end <= part.size());
      BOOST_TEST(!line.text.empty());
    });
  }
}

BOOST_AUTO_TEST_CASE(words_may_stand_in_double_quotes) {
  const std::pair<std::string, Words> cases[] = {
      {"", {}},
      {"  \t ", {}},
      {"a  b\tc ", {"a", "b", "c"}},
      {"\"a b\" c", {"a b", "c"}},
      {"\"\" c", {"", "c"}},
      {"\"C:\\x\" y\\z", {"C:\\x", "y\\z"}},
      {"a\"b c\"", {"a\"b", "c\""}},
      {"'a b'", {"'a", "b'"}},
  };
  for (const auto& [line, wanted] : cases) {
    BOOST_TEST_CONTEXT(line) {
      BOOST_TEST(words_of(line, TrailingComments::no) == wanted);
    }
  }
}

BOOST_AUTO_TEST_CASE(comments_end_a_line_only_where_they_may) {
  BOOST_TEST(words_of("a #b", TrailingComments::yes) == (Words{"a"}));
  BOOST_TEST(words_of("a#b", TrailingComments::yes) == (Words{"a#b"}));
  BOOST_TEST(words_of("a \"#b\"", TrailingComments::yes) == (Words{"a", "#b"}));
  BOOST_TEST(words_of("a #b", TrailingComments::no) == (Words{"a", "#b"}));
}

BOOST_AUTO_TEST_CASE(wrong_quotes_are_told_without_showing_the_text) {
  for (const std::string line : {"\"geheim", "a \"geheim b", "\"geheim\"x", "\"geheim\"\"\""}) {
    BOOST_TEST_CONTEXT(line) {
      std::string problem;
      words_of(line, TrailingComments::no, &problem);
      BOOST_TEST(!problem.empty());
      BOOST_TEST(!test::contains(problem, "geheim"));
    }
  }
}

BOOST_AUTO_TEST_CASE(attributes_are_name_and_value) {
  FieldReader fields("a=1 b=\"x y\" c= d==e", TrailingComments::no);
  const std::pair<std::string, std::string> wanted[] = {{"a", "1"}, {"b", "x y"}, {"c", ""}, {"d", "=e"}};
  for (const auto& [name, value] : wanted) {
    const auto field = fields.attribute();
    BOOST_REQUIRE(field.has_value());
    BOOST_TEST(field->name == name);
    BOOST_TEST(field->value == value);
  }
  BOOST_TEST(fields.at_end());
  BOOST_TEST(!fields.attribute());
  for (const std::string line : {"=x", "a", "a b=c", "\"a\"=b", "a=\"b"}) {
    BOOST_TEST_CONTEXT(line) {
      BOOST_TEST(!FieldReader(line, TrailingComments::no).attribute());
    }
  }
}

BOOST_AUTO_TEST_CASE(account_names_are_checked) {
  for (const std::string good :
       {"user", "DOMAIN\\user", "user@realm.example", "CORP\\mail relay", "CORP\\Jürgen"}) {
    BOOST_TEST(account_problem(good) == "", good);
  }
  for (const std::string bad :
       {"", "\\", "\\user", "DOMAIN\\", "A\\B\\C", "a\"b", "a\nb", "a\xFF", "a\x7F"}) {
    BOOST_TEST(account_problem(bad) != "", bad);
  }
  BOOST_TEST(account_problem(std::string(1024, 'a')) == "");
  BOOST_TEST(account_problem(std::string(1025, 'a')) != "");
  BOOST_TEST(folded_account("Corp\\MX-Ö") == "corp\\mx-Ö");
}

BOOST_AUTO_TEST_CASE(shown_text_is_bounded_and_stays_utf8) {
  BOOST_TEST(shown("a b") == "\"a b\"");
  const auto cut = shown(std::string(99, 'a') + "öö");
  BOOST_TEST(cut == "\"" + std::string(99, 'a') + "\"...");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::policy
