// Log lines as they are written to standard error.
#include "smtpseal/log/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

using namespace smtpseal;
using namespace std::string_literals;

namespace {

// What `write` writes to standard error with this log.format.
template <class Write>
std::string written(const char* format, Write write) {
  const std::string problem = log::open({"smtpseal-test", log::Level::info, "stderr", format});
  BOOST_REQUIRE(problem.empty());
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  const int before = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  write();
  std::fflush(stderr);
  ::dup2(before, STDERR_FILENO);
  ::close(before);
  ::close(ends[1]);
  std::string text(100000, '\0');
  const auto size = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

const std::string kHostile = "a\"b\\c\r\n{\"x\":1}\x1b[31m\0\xff\xc3"s + "\xc3\xa4";

}  // namespace

BOOST_AUTO_TEST_SUITE(log_lines)

BOOST_AUTO_TEST_CASE(text_quotes_and_escapes) {
  const auto line = written("text", [] {
    log::warning("auth-failed").field("user", "EX\\anna b\r\n").field("bits", 40U).optional("none", "");
  });
  BOOST_TEST(line.ends_with(" warning: auth-failed user=\"EX\\\\anna b\\\\x0d\\\\x0a\" bits=40\n"), line);
}

BOOST_AUTO_TEST_CASE(json_is_one_object_a_line_whatever_comes_in) {
  const auto line = written("json", [] {
    log::error("event").field("text", kHostile).field("number", 18446744073709551615U).field("empty", "");
  });
  BOOST_TEST(line.find('\n') == line.size() - 1);
  for (const char c : line.substr(0, line.size() - 1)) BOOST_TEST((static_cast<unsigned char>(c) >= 0x20));
  const auto object = nlohmann::json::parse(line);
  BOOST_TEST(object["level"] == "error");
  BOOST_TEST(object["program"] == "smtpseal-test");
  BOOST_TEST(object["event"] == "event");
  BOOST_TEST(object["pid"] == ::getpid());
  BOOST_TEST(object["number"].is_number_unsigned());
  BOOST_TEST(object["empty"] == "");
  const auto text = object["text"].get<std::string>();
  BOOST_TEST(text.starts_with("a\"b\\c\r\n{\"x\":1}\x1b[31m"));
  BOOST_TEST(text.ends_with("\xc3\xa4"));
  const auto time = object["time"].get<std::string>();
  BOOST_TEST(time.size() == std::string("2026-11-30T18:53:33.120Z").size());
  BOOST_TEST(time.ends_with('Z'));
}

BOOST_AUTO_TEST_CASE(long_values_are_cut) {
  const auto line = written("json", [] { log::info("event").field("text", std::string(5000, '\xe4')); });
  const auto text = nlohmann::json::parse(line)["text"].get<std::string>();
  BOOST_TEST(text.ends_with("..."));
  BOOST_TEST(text.size() <= 3 * log::kMaxFieldOctets + 3);
}

BOOST_AUTO_TEST_CASE(what_is_less_severe_is_not_written) {
  BOOST_TEST(written("json", [] { log::debug("event").field("a", "b").field("c", 1U); }).empty());
}

BOOST_AUTO_TEST_SUITE_END()
