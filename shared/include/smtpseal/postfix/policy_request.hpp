// Postfix's policy delegation protocol (SMTPD_POLICY_README): "name=value" lines, an empty line, and an
// answer "action=..." with an empty line. Sans I/O; bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtpseal/result.hpp"

namespace smtpseal::postfix {

// A request of Postfix has some 30 attributes; a client certificate's subject or a sender can be long.
inline constexpr std::size_t kMaxPolicyRequest = 65536;  // octets of one request, line ends included
inline constexpr std::size_t kMaxPolicyAttributes = 256;

enum class policy_errc {
  too_long = 1,         // longer than kMaxPolicyRequest (found before more is stored), or more than
                        // kMaxPolicyAttributes
  bad_line,             // no "=", an empty name, or a NUL
  repeated_attribute,   // the same name twice: which one counts is anybody's guess
  not_a_policy_request  // no request=smtpd_access_policy
};
const boost::system::error_category& policy_category();
inline ErrorCode make_error_code(policy_errc e) {
  return {static_cast<int>(e), policy_category()};
}

class PolicyRequest {
 public:
  // Empty where the attribute is missing, as Postfix means it.
  [[nodiscard]] std::string_view get(std::string_view name) const;

 private:
  friend class PolicyRequestReader;
  // Where "name=value" stands in text_. Kept as numbers, since text_ moves when it grows.
  struct Attribute {
    std::uint32_t begin;
    std::uint32_t name_size;
    std::uint32_t value_size;
  };
  [[nodiscard]] const Attribute* find(std::string_view name) const;
  [[nodiscard]] std::string_view name_of(const Attribute& attribute) const;

  std::string text_;
  std::vector<Attribute> attributes_;
};

// Collects requests from a stream. LF ends a line; a CR before it is part of the value. Attributes that are
// not known here are kept like any other. Buffers are reused from request to request, those of an unusually
// long one excepted.
class PolicyRequestReader {
 public:
  // As LineReader::feed: at most one request a call; `consumed` says how far. nullptr: more is needed. The
  // request is valid until the next call. Errors are final: the connection must be closed without an answer.
  [[nodiscard]] Result<const PolicyRequest*> feed(std::string_view data, std::size_t& consumed);

 private:
  std::optional<policy_errc> take(std::string_view data, std::size_t& consumed);
  std::optional<policy_errc> end_line();
  std::optional<policy_errc> add_attribute(std::string_view line);
  void start();

  PolicyRequest request_;
  std::size_t line_begin_ = 0;  // of the line that is being read, in the request's text
  bool done_ = false;
  std::optional<policy_errc> failed_;
};

// "action=TEXT\n\n". Line ends and other control characters in the text become blanks.
[[nodiscard]] std::string format_policy_reply(std::string_view action);

}  // namespace smtpseal::postfix

template <>
struct boost::system::is_error_code_enum<smtpseal::postfix::policy_errc> : std::true_type {};
