// A policy delegation stream: the first octet chooses the size of the chunks.
#include <array>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "smtpseal/postfix/policy_request.hpp"

using namespace smtpseal;
using fuzz::require;

namespace {

constexpr std::array<std::string_view, 6> kNames{"request",        "sender",        "recipient",
                                                 "client_address", "sasl_username", ""};

struct Collected {
  std::vector<std::string> values;  // of kNames, request by request
  ErrorCode error;
};

Collected collect(std::string_view data, std::size_t piece) {
  postfix::PolicyRequestReader reader;
  Collected collected;
  while (!data.empty()) {
    std::size_t consumed = 0;
    const auto request = reader.feed(data.substr(0, piece), consumed);
    if (!request) {
      collected.error = request.error();
      require(reader.feed("\n", consumed).has_error() && consumed == 0);
      return collected;
    }
    if (*request != nullptr)
      for (const std::string_view name : kNames) collected.values.emplace_back((*request)->get(name));
    data.remove_prefix(consumed);
  }
  return collected;
}

void check_value(std::string_view value) {
  require(value.find('\n') == std::string_view::npos && value.find('\0') == std::string_view::npos);
}

// Whatever the text, the reply is one line and an empty one.
void check_reply(std::string_view text) {
  const std::string reply = postfix::format_policy_reply(text);
  require(reply.size() == text.size() + 9 && reply.find('\n') == reply.size() - 2);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream = fuzz::text(data + 1, size - 1);
  const Collected whole = collect(stream, SIZE_MAX);
  const Collected pieces = collect(stream, std::size_t{1} + data[0] % 16);
  require(pieces.values == whole.values && pieces.error == whole.error);
  for (const std::string& value : whole.values) check_value(value);
  check_reply(stream);
  return 0;
}
