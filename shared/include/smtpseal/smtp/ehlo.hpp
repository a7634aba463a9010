// What an EHLO or LHLO reply offers (RFC 5321 4.1.1.1). Keywords we do not know are kept by name and never
// acted on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/smtp/reply.hpp"

namespace smtpseal::smtp {

struct Ehlo {
  std::string greeting;  // first line: the server's name and text
  bool pipelining = false;
  bool eightbitmime = false;
  bool smtputf8 = false;
  bool dsn = false;
  bool chunking = false;
  bool starttls = false;
  bool enhanced_status_codes = false;
  bool size = false;
  std::uint64_t size_limit = 0;    // 0: no limit stated (RFC 1870)
  std::vector<std::string> auth;   // mechanisms of "AUTH A B" and "AUTH=A B", upper case, no repeats
  std::vector<std::string> xauth;  // of Exchange 5.0's "XAUTH …" (inferred grammar)
  std::vector<std::string> other;  // whole lines of the rest

  [[nodiscard]] bool offers_auth(std::string_view mechanism) const;
  [[nodiscard]] bool offers_xauth(std::string_view mechanism) const;
};

Ehlo parse_ehlo(const Reply& reply);

}  // namespace smtpseal::smtp
