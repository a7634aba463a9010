// What the policy tests share: an engine, and files in a directory of their own.
#pragma once

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "smtpseal/policy/policy_set.hpp"

namespace smtpseal::policy::test {

inline const crypto::Engine& engine() {
  static const auto instance = crypto::Engine::create().value();
  return *instance;
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

  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0640) const {
    std::ofstream(path(name), std::ios::binary) << text;
    BOOST_REQUIRE(::chmod(path(name).c_str(), mode) == 0);
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

inline DomainMap domain_map(const std::string& text) {
  std::vector<Problem> problems;
  auto map = DomainMap::parse(text, "domains", problems);
  for (const auto& problem : problems) BOOST_ERROR(problem.message());
  return map;
}

inline PolicySet policy_set(const std::string& domains) {
  PolicySet set;
  set.domains = domain_map(domains);
  return set;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace smtpseal::policy::test
