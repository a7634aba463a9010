// What the tests of holds share: tables of credentials, and a directory of their own.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>

#include "../../shared/policy/fixture.hpp"

namespace smtpseal::relay::test {

using policy::test::engine;
using policy::test::TemporaryDirectory;

inline policy::Credentials credentials(const std::string& text) {
  std::vector<policy::Problem> problems;
  auto parsed = policy::Credentials::parse(engine(), text, "credentials", problems);
  BOOST_REQUIRE(problems.empty());
  return parsed;
}

}  // namespace smtpseal::relay::test
