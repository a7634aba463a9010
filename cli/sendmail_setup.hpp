// What the generated sendmail.cf says of smtpseal.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace smtpseal::cli {

struct SendmailSetup {
  std::string file;
  std::string domains_map;                 // of the map smtpseal: "local:/run/smtpseal/policyd"; empty: none
  std::vector<std::string> mailer_paths;   // of the mailers smtpseal and smtpseal7
  std::vector<std::string> input_filters;  // in the order in which they are asked
  std::string milter;                      // socket of the filter smtpseal; empty: none
  std::string milter_flags;                // F= of it
  bool seals_natively = false;             // has the rule set that asks for a sealed session

  // nullopt: there is no such file. Throws Failure where it cannot be read.
  static std::optional<SendmailSetup> load(const std::string& file);
};

}  // namespace smtpseal::cli
