// What the milter's tests share: tables, clients, and a relay that answers what it is told to.
#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

#include "../shared/policy/fixture.hpp"
#include "session.hpp"
#include "smtpseal/config/params.hpp"
#include "smtpseal/status/status_header.hpp"

namespace smtpseal::milter::test {

inline std::shared_ptr<const policy::PolicySet> tables(const std::string& domains,
                                                       const std::string& accounts) {
  auto set = std::make_shared<policy::PolicySet>();
  std::vector<policy::Problem> problems;
  set->domains = policy::DomainMap::parse(domains, "domains", problems);
  set->accounts = policy::Accounts::parse(policy::test::engine(), accounts, "accounts", problems);
  for (const auto& problem : problems) BOOST_ERROR(problem.message());
  return set;
}

inline config::Values values(const std::string& toml) {
  auto load = config::load_text(toml, "smtpseal.toml", config::all_params());
  for (const auto& problem : load.problems) BOOST_ERROR(problem.message());
  return std::move(load.values.value());
}

// exempt_networks in TOML: "[\"127.0.0.0/8\"]".
inline SessionSettings settings(const std::string& exempt_networks = "[]") {
  return {"mx.example.com", status::ShowAccount::yes,
          daemon::ExemptNetworks(values("[inbound]\nexempt_networks = " + exempt_networks + "\n"))};
}

inline Peer client(const std::string& address = "192.0.2.7", const std::string& port = "40112") {
  return {"mail.partner.example", address, port, "192.0.2.2", "25"};
}

inline session::SessionSecurity sealed(const std::string& account, unsigned bits = 128) {
  session::SessionSecurity security;
  security.protection = session::Protection::sealed;
  security.mechanism = "NTLM";
  security.response = ntlm::Response::ntlmv2;
  security.account = account;
  security.bits = bits;
  security.octets_sealed = 100;
  security.octets_unsealed = 200;
  return security;
}

struct FakeRelay {
  Result<postfix::SocketmapReply> answer = postfix::SocketmapReply{postfix::SocketmapStatus::notfound, ""};
  std::vector<std::string> keys;

  void knows(const session::SessionSecurity& security) {
    answer = postfix::SocketmapReply{postfix::SocketmapStatus::ok, status::format_session(security)};
  }
  void knows_nothing() { answer = postfix::SocketmapReply{postfix::SocketmapStatus::notfound, ""}; }
  void is_down() { answer = make_error_code(boost::system::errc::connection_refused); }

  [[nodiscard]] AskRelay ask() {
    return [this](const std::string& key) {
      keys.push_back(key);
      return answer;
    };
  }
};

}  // namespace smtpseal::milter::test
