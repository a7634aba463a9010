// What gss-ntlmssp takes from its environment.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace smtpseal::testing {

// LM_COMPAT_LEVEL and the accounts file of gss-ntlmssp, which it reads at every session.
class Environment {
 public:
  static constexpr const char* kPassword = "Secret-Pw1";  // of INTELLINET\\Doug

  Environment() {
    std::string pattern = std::filesystem::temp_directory_path() / "smtpseal-live-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = pattern;
    std::ofstream(directory_ / "users") << "INTELLINET:Doug:" << kPassword << "\n";
    setenv("NTLM_USER_FILE", (directory_ / "users").c_str(), 1);
    setenv("NETBIOS_COMPUTER_NAME", "MX", 1);
    // A domain of its own would make gss-ntlmssp ask a domain controller.
    unsetenv("NETBIOS_DOMAIN_NAME");
  }
  ~Environment() { std::filesystem::remove_all(directory_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  void set_level(int lm_compat_level) const {
    setenv("LM_COMPAT_LEVEL", std::to_string(lm_compat_level).c_str(), 1);
  }

 private:
  std::filesystem::path directory_;
};

}  // namespace smtpseal::testing
