// A socketmap stream: the first octet chooses the size of the chunks. Netstrings, and what they mean to
// either side.
#include <algorithm>
#include <vector>

#include "fuzz.hpp"
#include "smtpseal/postfix/socketmap.hpp"

using namespace smtpseal;
using fuzz::require;

namespace {

struct Collected {
  std::vector<std::string> texts;
  bool failed = false;
};

Collected collect(std::string_view data, std::size_t piece) {
  postfix::NetstringReader reader(4096);
  Collected collected;
  while (!data.empty()) {
    std::size_t consumed = 0;
    const auto text = reader.feed(data.substr(0, piece), consumed);
    if (!text) {
      collected.failed = true;
      return collected;
    }
    if (*text) collected.texts.emplace_back(**text);
    data.remove_prefix(consumed);
  }
  return collected;
}

void check_text(std::string_view text) {
  require(collect(postfix::to_netstring(text), SIZE_MAX).texts.at(0) == text);
  if (const auto request = postfix::parse_socketmap_request(text)) {
    require(postfix::format_socketmap_request(*request) == postfix::to_netstring(text));
  }
  if (const auto reply = postfix::parse_socketmap_reply(text)) {
    const auto again = collect(postfix::format_socketmap_reply(*reply), SIZE_MAX).texts;
    require(postfix::parse_socketmap_reply(again.at(0))->status == reply->status);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream = fuzz::text(data + 1, size - 1);
  const Collected whole = collect(stream, SIZE_MAX);
  const Collected pieces = collect(stream, std::size_t{1} + data[0] % 16);
  require(pieces.texts == whole.texts && pieces.failed == whole.failed);
  std::for_each(whole.texts.begin(), whole.texts.end(), check_text);
  return 0;
}
