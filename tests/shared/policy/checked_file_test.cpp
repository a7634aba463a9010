#include "smtpseal/policy/checked_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

namespace smtpseal::policy {
namespace {

using test::contains;

BOOST_AUTO_TEST_SUITE(policy_checked_file)

BOOST_AUTO_TEST_CASE(reads_the_whole_file) {
  const test::TemporaryDirectory directory;
  for (const std::size_t size : {0U, 1U, 4096U, 100000U}) {
    const std::string text(size, 'x');
    const auto file = read_checked_file(directory.write("f", text, 0600), Confidential::yes);
    BOOST_REQUIRE(file.text.has_value());
    BOOST_TEST((file.text->reveal() == text));
    BOOST_TEST(file.problem.empty());
  }
}

struct ModeCase {
  mode_t mode;
  bool confidential_ok;
  bool open_ok;
};

BOOST_AUTO_TEST_CASE(modes_are_judged_by_what_the_file_holds) {
  const ModeCase cases[] = {{0600, true, true},  {0640, true, true},   {0400, true, true},
                            {0660, false, true}, {0644, false, true},  {0604, false, true},
                            {0601, false, true}, {0602, false, false}, {0666, false, false},
                            {0664, false, true}, {0646, false, false}};
  const test::TemporaryDirectory directory;
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT("mode " << std::oct << c.mode) {
      const auto path = directory.write("f", "x", c.mode);
      const auto confidential = read_checked_file(path, Confidential::yes);
      const auto open = read_checked_file(path, Confidential::no);
      BOOST_TEST(confidential.text.has_value() == c.confidential_ok);
      BOOST_TEST(open.text.has_value() == c.open_ok);
      if (!c.confidential_ok) BOOST_TEST(contains(confidential.problem, "chmod 0640"));
      if (!c.open_ok) BOOST_TEST(contains(open.problem, "chmod o-w"));
    }
  }
}

BOOST_AUTO_TEST_CASE(only_a_missing_file_is_missing) {
  const test::TemporaryDirectory directory;
  const auto missing = read_checked_file(directory.path("none"), Confidential::no);
  BOOST_TEST(missing.missing);
  BOOST_TEST(!missing.text);
  BOOST_TEST(contains(missing.problem, "cannot be opened"));
  const auto no_directory = read_checked_file(directory.write("f", "x") + "/x", Confidential::no);
  BOOST_TEST(!no_directory.missing);
  BOOST_TEST(!no_directory.text);
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_regular_file_and_never_blocks) {
  const test::TemporaryDirectory directory;
  BOOST_REQUIRE(::mkfifo(directory.path("fifo").c_str(), 0600) == 0);
  for (const std::string& path : {directory.path("fifo"), directory.path("."), std::string("/dev/null")}) {
    BOOST_TEST_CONTEXT(path) {
      const auto file = read_checked_file(path, Confidential::no);
      BOOST_TEST(!file.text);
      BOOST_TEST(contains(file.problem, "not a regular file"));
    }
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_file_that_is_too_large) {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("f", "x", 0600);
  BOOST_REQUIRE(::truncate(path.c_str(), static_cast<off_t>(kMaxCheckedFile) + 1) == 0);
  const auto file = read_checked_file(path, Confidential::yes);
  BOOST_TEST(!file.text);
  BOOST_TEST(contains(file.problem, "larger than"));
}

BOOST_AUTO_TEST_CASE(refuses_a_file_of_another_user,
                     *boost::unit_test::precondition([](auto) { return ::geteuid() == 0; })) {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("f", "x", 0600);
  BOOST_REQUIRE(::chown(path.c_str(), 12345, 0) == 0);
  const auto file = read_checked_file(path, Confidential::yes);
  BOOST_TEST(!file.text);
  BOOST_TEST(contains(file.problem, "its owner is user number 12345"));
}

BOOST_AUTO_TEST_CASE(a_symbolic_link_is_judged_by_what_it_points_to) {
  const test::TemporaryDirectory directory;
  directory.write("good", "text", 0640);
  directory.write("bad", "text", 0644);
  BOOST_REQUIRE(::symlink("good", directory.path("to-good").c_str()) == 0);
  BOOST_REQUIRE(::symlink("bad", directory.path("to-bad").c_str()) == 0);
  BOOST_TEST(read_checked_file(directory.path("to-good"), Confidential::yes).text.has_value());
  BOOST_TEST(!read_checked_file(directory.path("to-bad"), Confidential::yes).text.has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::policy
