#include "smtpseal/smtp/data_scanner.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

using smtpseal::smtp::DataScanner;
using smtpseal::smtp::StrayLineEnds;

namespace {

constexpr std::string_view kMark = "\r\n.\r\n";

struct Outcome {
  std::string out;
  std::size_t consumed = 0;
  bool complete = false;
  bool bad = false;
  std::uint64_t octets = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::ostream& operator<<(std::ostream& to, const Outcome& outcome) {
  return to << '"' << outcome.out << "\" consumed=" << outcome.consumed << " complete=" << outcome.complete
            << " bad=" << outcome.bad << " octets=" << outcome.octets;
}

void feed(DataScanner& scanner, std::string_view data, Outcome& outcome) {
  const std::size_t taken = scanner.feed(data, outcome.out);
  BOOST_REQUIRE(scanner.is_complete() || taken == data.size());
  outcome.consumed += taken;
}

// Feeds `data` in pieces that end at the given places.
Outcome scan(std::string_view data, const std::vector<std::size_t>& cuts, StrayLineEnds mode,
             std::size_t max_line = 0) {
  DataScanner scanner(mode, max_line);
  Outcome outcome;
  std::size_t from = 0;
  for (const std::size_t cut : cuts) {
    feed(scanner, data.substr(from, cut - from), outcome);
    from = cut;
  }
  feed(scanner, data.substr(from), outcome);
  outcome.complete = scanner.is_complete();
  outcome.bad = scanner.is_bad();
  outcome.octets = scanner.octets();
  // What came before the problem was found depends on the chunks.
  if (outcome.bad) outcome.out.clear();
  return outcome;
}

Outcome scan(std::string_view data, StrayLineEnds mode) {
  return scan(data, {}, mode);
}

Outcome scan_by_octet(std::string_view data, StrayLineEnds mode, std::size_t max_line = 0) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < data.size(); ++i) cuts.push_back(i);
  return scan(data, cuts, mode, max_line);
}

// The references below are as simple as they can be, so that they are plainly right.

// Where the data end for a receiver that keeps to RFC 5321: behind the first CRLF.CRLF, or a leading .CRLF.
std::size_t strict_end(std::string_view data) {
  if (data.starts_with(".\r\n")) return 3;
  const std::size_t found = data.find(kMark);
  return found == std::string_view::npos ? found : found + kMark.size();
}

// Where they end for the laxest receiver: CR, LF and CRLF are all line ends.
std::size_t lax_end(std::string_view data) {
  bool at_line_start = true;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const bool is_end = data[i] == '\r' || data[i] == '\n';
    if (at_line_start && data[i] == '.' && i + 1 < data.size() &&
        (data[i + 1] == '\r' || data[i + 1] == '\n')) {
      return i + (data.substr(i + 1, 2) == "\r\n" ? 3 : 2);
    }
    at_line_start = is_end;
  }
  return std::string_view::npos;
}

bool has_stray(std::string_view data) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] == '\r' && (i + 1 == data.size() || data[i + 1] != '\n')) return true;
    if (data[i] == '\n' && (i == 0 || data[i - 1] != '\r')) return true;
  }
  return false;
}

std::vector<std::string> split_lines(std::string_view data) {
  std::vector<std::string> lines;
  while (!data.empty()) {
    const std::size_t end = data.find("\r\n");
    lines.emplace_back(data.substr(0, end));
    data.remove_prefix(end + 2);
  }
  return lines;
}

std::string replace_strays(std::string_view line) {
  std::string replaced;
  for (const char c : line) {
    if (c == '\r' || c == '\n') {
      replaced.append("\r\n");
    } else {
      replaced.push_back(c);
    }
  }
  return replaced;
}

// The content of dot-stuffed data without a mark. A dot alone before a stray line end is no stuffed one.
std::string content_of(std::string_view data) {
  std::string content;
  for (const std::string& line : split_lines(data)) {
    const bool dot_is_content = line.size() > 1 && (line[1] == '\r' || line[1] == '\n');
    const bool is_stuffed = line.starts_with('.') && !dot_is_content;
    content.append(replace_strays(std::string_view(line).substr(is_stuffed ? 1 : 0))).append("\r\n");
  }
  return content;
}

// Every text of up to `size` octets out of CR, LF, dot and a letter.
template <class Check>
void for_each_text(std::size_t size, const Check& check) {
  constexpr std::string_view kOctets = "\r\n.a";
  for (std::size_t length = 0; length <= size; ++length) {
    for (std::size_t number = 0; number < std::size_t{1} << (2 * length); ++number) {
      std::string text;
      for (std::size_t i = 0; i < length; ++i) text.push_back(kOctets[number >> (2 * i) & 3]);
      check(text);
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(smtp_data_scanner)

BOOST_AUTO_TEST_CASE(finds_the_end_and_leaves_what_follows) {
  const struct {
    std::string_view data;
    std::string_view out;
    std::size_t consumed;
    std::uint64_t octets;
  } cases[] = {
      {".\r\n", "", 3, 0},
      {".\r\nQUIT\r\n", "", 3, 0},
      {"\r\n.\r\n", "\r\n", 5, 2},
      {"a\r\n.\r\nMAIL FROM:<>\r\n", "a\r\n", 6, 3},
      {"a\r\n..\r\n.\r\n", "a\r\n..\r\n", 10, 6},
      {"a\r\n.b\r\n.\r\n", "a\r\n.b\r\n", 10, 6},
      {"...\r\n.\r\n", "...\r\n", 8, 4},
      {"a.\r\n.\r\n", "a.\r\n", 7, 4},
  };
  for (const auto& test : cases) {
    const Outcome want{std::string(test.out), test.consumed, true, false, test.octets};
    for (const StrayLineEnds mode : {StrayLineEnds::refuse, StrayLineEnds::normalise}) {
      BOOST_TEST(scan(test.data, mode) == want);
      BOOST_TEST(scan_by_octet(test.data.substr(0, test.consumed), mode) == want);
    }
  }
}

BOOST_AUTO_TEST_CASE(normalises_every_smuggling_form_to_content) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"a\n.\n", "a\r\n..\r\n"},
      {"a\n.\r\n", "a\r\n..\r\n"},
      {"a\r\n.\n", "a\r\n..\r\n"},
      {"a\r.\r", "a\r\n..\r\n"},
      {"a\r\n.\r", "a\r\n..\r\n"},
      {"a\r.\r\n", "a\r\n..\r\n"},
      {"a\n\r.\n", "a\r\n\r\n..\r\n"},
      {"a\r\r.\r\r", "a\r\n\r\n..\r\n\r\n"},
      {"a\r\n.\rb", "a\r\n..\r\nb"},
      {"a\n..\r\n", "a\r\n...\r\n"},
      {".\n", "..\r\n"},
      {"\n.\r\n", "\r\n..\r\n"},
  };
  for (const auto& [data, out] : cases) {
    const std::string whole = std::string(data) + "\r\nMAIL FROM:<>\r\n.\r\n";
    const std::string want = std::string(out) + "\r\nMAIL FROM:<>\r\n";
    // Where the form ends in CR, the LF of what follows completes it.
    const bool completes = data.ends_with('\r');
    const Outcome got = completes ? scan(std::string(data) + "x\r\n.\r\n", StrayLineEnds::normalise)
                                  : scan(whole, StrayLineEnds::normalise);
    BOOST_TEST(got.complete);
    BOOST_TEST(got.out == (completes ? std::string(out) + "x\r\n" : want));
  }
}

BOOST_AUTO_TEST_CASE(ends_where_a_strict_receiver_ends_whatever_is_fed) {
  for_each_text(7, [](const std::string& text) {
    const std::string data = text + std::string(kMark);
    const std::size_t end = strict_end(data);
    for (const StrayLineEnds mode : {StrayLineEnds::refuse, StrayLineEnds::normalise}) {
      const Outcome got = scan(data, mode);
      BOOST_REQUIRE_MESSAGE(got.complete && got.consumed == end, got << " of " << data);
    }
  });
}

BOOST_AUTO_TEST_CASE(no_receiver_finds_another_end_in_what_is_passed_on) {
  for_each_text(7, [](const std::string& text) {
    const std::string data = text + std::string(kMark);
    const Outcome got = scan(data, StrayLineEnds::normalise);
    const std::string sent = got.out + ".\r\n";
    BOOST_REQUIRE_MESSAGE(!has_stray(sent), sent);
    BOOST_REQUIRE_MESSAGE(strict_end(sent) == sent.size(), sent);
    BOOST_REQUIRE_MESSAGE(lax_end(sent) == sent.size(), sent);
  });
}

BOOST_AUTO_TEST_CASE(passes_on_the_content_that_was_fed) {
  for_each_text(7, [](const std::string& text) {
    const std::string data = text + std::string(kMark);
    const std::string content = content_of(data.substr(0, strict_end(data) - 3));
    const Outcome got = scan(data, StrayLineEnds::normalise);
    BOOST_REQUIRE_EQUAL(content_of(got.out), content);
    BOOST_REQUIRE_EQUAL(got.octets, content.size());
  });
}

BOOST_AUTO_TEST_CASE(refuses_exactly_the_messages_with_stray_line_ends) {
  for_each_text(7, [](const std::string& text) {
    const std::string data = text + std::string(kMark);
    const std::string message = data.substr(0, strict_end(data));
    const Outcome got = scan(data, StrayLineEnds::refuse);
    BOOST_REQUIRE_EQUAL(got.bad, has_stray(message));
    if (!got.bad) BOOST_REQUIRE_EQUAL(got.out + ".\r\n", message);
  });
}

BOOST_AUTO_TEST_CASE(does_not_depend_on_the_chunks) {
  for_each_text(6, [](const std::string& text) {
    const std::string data = text + std::string(kMark);
    for (const StrayLineEnds mode : {StrayLineEnds::refuse, StrayLineEnds::normalise}) {
      for (const std::size_t max_line : {0, 5}) {
        const Outcome want = scan(data, {}, mode, max_line);
        for (std::size_t cut = 1; cut < data.size(); ++cut) {
          BOOST_REQUIRE_EQUAL(scan(data, {cut}, mode, max_line), want);
        }
        BOOST_REQUIRE_EQUAL(scan_by_octet(data, mode, max_line), want);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(appends_nothing_after_a_problem_but_finds_the_end) {
  DataScanner scanner(StrayLineEnds::refuse, 0);
  std::string out;
  scanner.feed("good\r\n", out);
  BOOST_TEST(!scanner.is_bad());
  BOOST_TEST(scanner.problem() == nullptr);
  scanner.feed("bad\nline\r\n", out);
  BOOST_TEST(scanner.is_bad());
  BOOST_TEST(scanner.problem() == std::string_view("CR or LF outside CRLF"));
  const std::size_t before = out.size();
  BOOST_TEST(scanner.feed("more\n.\n\r.\r..\r\n.\r\nNOOP\r\n", out) == 17U);
  BOOST_TEST(out.size() == before);
  BOOST_TEST(scanner.is_complete());
}

BOOST_AUTO_TEST_CASE(takes_nothing_after_the_end) {
  DataScanner scanner(StrayLineEnds::refuse, 0);
  std::string out;
  BOOST_TEST(scanner.feed("a\r\n.\r\n", out) == 6U);
  BOOST_TEST(scanner.feed("b\r\n.\r\n", out) == 0U);
  BOOST_TEST(out == "a\r\n");
  BOOST_TEST(scanner.is_complete());
}

BOOST_AUTO_TEST_CASE(accepts_a_line_at_the_limit_and_refuses_a_longer_one) {
  const std::string longest = std::string(998, 'x') + "\r\n";
  for (const std::string& before : {std::string(), longest, std::string("a\r\n")}) {
    const std::string good = std::string(before).append(longest).append(longest).append(".\r\n");
    BOOST_TEST(!scan(good, {}, StrayLineEnds::refuse, 1000).bad);
    BOOST_TEST(!scan_by_octet(good, StrayLineEnds::refuse, 1000).bad);
    const std::string bad = std::string(before).append("x").append(longest).append(".\r\n");
    BOOST_TEST(scan(bad, {}, StrayLineEnds::refuse, 1000).bad);
    BOOST_TEST(scan_by_octet(bad, StrayLineEnds::refuse, 1000).bad);
    BOOST_TEST(scan(bad, {}, StrayLineEnds::refuse, 1000).complete);
  }
}

BOOST_AUTO_TEST_CASE(notices_an_endless_line_before_its_end) {
  DataScanner scanner(StrayLineEnds::normalise, 1000);
  std::string out;
  scanner.feed(std::string(100000, 'x'), out);
  BOOST_TEST(scanner.is_bad());
  BOOST_TEST(scanner.problem() == std::string_view("line too long"));
  BOOST_TEST(out.size() < 1000U);
}

BOOST_AUTO_TEST_CASE(counts_content_of_a_bad_message_too) {
  BOOST_TEST(scan("a\nb\r\n.\r\n", StrayLineEnds::refuse).octets == 6U);
}

BOOST_AUTO_TEST_SUITE_END()
