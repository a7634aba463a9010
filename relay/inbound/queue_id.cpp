#include "inbound/queue_id.hpp"

#include <algorithm>
#include <string_view>

namespace smtpseal::relay {
namespace {

constexpr std::string_view kBefore = "2.0.0 Ok: queued as ";
constexpr std::size_t kMaxQueueId = 32;

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace

std::string queue_id_of(const smtp::Reply& reply) {
  if (reply.code != 250 || reply.lines.size() != 1 || !reply.lines.front().starts_with(kBefore)) return {};
  std::string id = reply.lines.front().substr(kBefore.size());
  const bool is_one = !id.empty() && id.size() <= kMaxQueueId && std::ranges::all_of(id, is_alphanumeric);
  return is_one ? id : std::string();
}

}  // namespace smtpseal::relay
