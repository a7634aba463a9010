// What main.cf and master.cf have to say on this host, made of smtpseal.toml and of what they say already:
// ours is put first, what was there stays.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "postfix_setup.hpp"
#include "smtpseal/config/params.hpp"

namespace smtpseal::cli {

// A parameter of main.cf.
struct PlannedSetting {
  std::string name;
  std::string value;
  bool is_so = false;  // already
};

// A line of master.cf with its -o lines.
struct PlannedService {
  std::string name;
  std::string type;
  bool is_private = true;
  bool chrooted = false;
  std::string command;
  std::vector<std::pair<std::string, std::string>> overrides;
  bool is_there = false;
  std::vector<std::pair<std::string, std::string>> missing = {};  // overrides that are not there; others stay

  [[nodiscard]] std::string line() const;  // without overrides
};

class PostfixPlan {
 public:
  // The sending side where relay.lmtp_listen names a socket, the receiving side where `inbound` says so.
  PostfixPlan(const config::Values& values, const PostfixSetup& setup, bool inbound);

  [[nodiscard]] const std::vector<PlannedSetting>& settings() const { return settings_; }
  [[nodiscard]] const std::vector<PlannedService>& services() const { return services_; }
  [[nodiscard]] bool is_done() const;

 private:
  void plan_outbound();
  void plan_inbound();
  void plan_policy();
  void plan_port();
  void plan_milters();
  void add_lmtp_service(const std::string& name);
  void add_smtpd_service();
  void set(const std::string& name, const std::string& value);
  // Puts `ours` first in a list, and takes out what `is_ours` says of its elements.
  template <class IsOurs>
  void put_first(const std::string& name, const std::string& ours, const IsOurs& is_ours);
  void add(PlannedService service);
  [[nodiscard]] bool chroots(const std::string& command) const;

  const config::Values& values_;
  const PostfixSetup& setup_;
  std::vector<PlannedSetting> settings_;
  std::vector<PlannedService> services_;
};

}  // namespace smtpseal::cli
