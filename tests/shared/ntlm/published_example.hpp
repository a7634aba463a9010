// The values that the examples of [MS-NLMP] 4.2 share (4.2.1).
#pragma once

#include "hex.hpp"
#include "smtpseal/ntlm/responses.hpp"

namespace smtpseal::testing {

inline constexpr std::string_view kExamplePassword = "Password";
inline ntlm::Challenge8 example_server_challenge() {
  return unhex_array<8>("0123456789abcdef");
}
inline ntlm::Challenge8 example_client_challenge() {
  return unhex_array<8>("aaaaaaaaaaaaaaaa");
}
inline crypto::Key16 example_nt_hash() {
  return unhex_key("a4f49c406510bdcab6824ee7c30fd852");
}
inline crypto::Key16 example_lm_hash() {
  return unhex_key("e52cac67419a9a224a3b108f3fa6cb6d");
}
inline crypto::Key16 example_ntlmv2_hash() {
  return unhex_key("0c868a403bfd7a93a3001ef22ef02e3f");
}
inline crypto::Key16 example_session_key() {
  return unhex_key("55555555555555555555555555555555");
}

}  // namespace smtpseal::testing
