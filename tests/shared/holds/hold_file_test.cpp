#include "smtpseal/holds/hold_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "../policy/fixture.hpp"

using namespace smtpseal::holds;
using smtpseal::policy::test::TemporaryDirectory;

namespace {

StoredHold example(const std::string& account) {
  return {{account, Kind::refused, 1764528000, 1764531600, 0, "mx[192.0.2.10]", "domains:3", "535 no"},
          SecretMark::parse("000102030405060708090a0b0c0d0e0fbeef")};
}

std::vector<StoredHold> two() {
  auto begun = example("OTHER\\user");
  begun.hold.kind = Kind::begun;
  begun.secret.reset();
  return {example("PARTNER\\user"), begun};
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hold_file)

BOOST_AUTO_TEST_CASE(text_is_read_as_written) {
  BOOST_TEST((parse_holds(format_holds(two())) == two()));
  BOOST_TEST((parse_holds(format_holds({})) == std::vector<StoredHold>()));
}

BOOST_AUTO_TEST_CASE(text_that_was_cut_anywhere_is_refused) {
  const std::string good = format_holds(two());
  for (std::size_t size = 0; size < good.size(); ++size) BOOST_TEST(!parse_holds(good.substr(0, size)), size);
  BOOST_TEST(!parse_holds(good + "\n"));
  BOOST_TEST(!parse_holds(good + good));
}

BOOST_AUTO_TEST_CASE(text_with_any_octet_altered_is_refused) {
  const std::string good = format_holds(two());
  for (std::size_t at = 0; at < good.size(); ++at)
    for (const int bits : {0x01, 0x20, 0x80, 0xff}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ bits);
      BOOST_TEST(!parse_holds(bad), at << " " << bits);
    }
}

// A right checksum does not make the rest right.
BOOST_AUTO_TEST_CASE(an_account_stands_once_and_holds_are_bounded) {
  BOOST_TEST(!parse_holds(format_holds(std::vector{example("A\\b"), example("a\\B")})));
  std::vector<StoredHold> many;
  for (std::size_t i = 0; i < kMaxHolds; ++i) many.push_back(example("a" + std::to_string(i)));
  BOOST_TEST((parse_holds(format_holds(many)) == many));
  many.push_back(example("one-more"));
  BOOST_TEST(!parse_holds(format_holds(many)));
}

BOOST_AUTO_TEST_CASE(the_file_is_for_its_owner_alone_and_leaves_nothing_behind) {
  const TemporaryDirectory directory;
  const HoldFile file(directory.path("state"));
  BOOST_TEST(file.make_directory("").has_value());
  BOOST_TEST(file.make_directory("").has_value());  // it is there
  BOOST_TEST(mode_of(directory.path("state")) == 0700U);
  directory.write("state/holds.new", "what a crash has left", 0644);
  directory.write("state/holds", "old", 0644);
  BOOST_TEST(file.write(two()).has_value());
  BOOST_TEST(mode_of(file.path()) == 0600U);
  BOOST_TEST(::access(directory.path("state/holds.new").c_str(), F_OK) != 0);
  BOOST_TEST((file.read().holds == two()));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_told) {
  const TemporaryDirectory directory;
  const HoldFile file(directory.path("."));
  BOOST_TEST(file.read().missing);
  directory.write("holds", "something else", 0600);
  BOOST_TEST(file.read().problem == "it is damaged, or of another version");
  directory.write("holds", format_holds(two()), 0620);
  BOOST_TEST(file.read().problem == "others may write it");
  ::unlink(file.path().c_str());
  BOOST_REQUIRE(::mkfifo(file.path().c_str(), 0600) == 0);
  BOOST_TEST(file.read().problem == "it is not a regular file");
  ::unlink(file.path().c_str());
  BOOST_REQUIRE(::symlink("/etc/passwd", file.path().c_str()) == 0);
  BOOST_TEST(!file.read().holds);
  BOOST_TEST(!file.read().missing);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_told) {
  BOOST_TEST(HoldFile("/nonexistent/state").write(two()).has_error());
  BOOST_TEST(HoldFile("/nonexistent/state").make_directory("").has_error());
}

BOOST_AUTO_TEST_SUITE_END()
