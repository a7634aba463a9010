// What the tests of holds share: tables of credentials, and a directory of their own.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "smtpseal/policy/account_files.hpp"

namespace smtpseal::relay::test {

inline const crypto::Engine& engine() {
  static const auto instance = crypto::Engine::create().value();
  return *instance;
}

inline policy::Credentials credentials(const std::string& text) {
  std::vector<policy::Problem> problems;
  auto parsed = policy::Credentials::parse(engine(), text, "credentials", problems);
  BOOST_REQUIRE(problems.empty());
  return parsed;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "smtpseal-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace smtpseal::relay::test
