#include "postfix_names.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace smtpseal::cli {
namespace {

constexpr std::string_view kUnix = "unix:";

std::string canonical(const std::string& endpoint) {
  if (!endpoint.starts_with(kUnix)) return endpoint;
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(endpoint.substr(kUnix.size()), error);
  return error ? endpoint : std::string(kUnix) + path.string();
}

// "inet:localhost:25" and "inet:127.0.0.1:25" are the same.
std::string by_address(const std::string& endpoint) {
  constexpr std::string_view kLocal = "inet:localhost:";
  return endpoint.starts_with(kLocal) ? "inet:127.0.0.1:" + endpoint.substr(kLocal.size()) : endpoint;
}

}  // namespace

TransportValue parse_transport(const std::string& text) {
  const auto colon = std::min(text.find(':'), text.size());
  return {text.substr(0, colon), colon == text.size() ? std::string() : text.substr(colon + 1)};
}

std::optional<SocketmapName> parse_socketmap(const std::string& table) {
  constexpr std::string_view kType = "socketmap:";
  const auto colon = table.rfind(':');
  if (!table.starts_with(kType) || colon < kType.size()) return std::nullopt;
  return SocketmapName{table.substr(kType.size(), colon - kType.size()), table.substr(colon + 1)};
}

bool is_same_socket(const PostfixSetup& setup, const std::string& of_postfix,
                    const std::string& of_smtpseal) {
  return canonical(by_address(setup.absolute(of_postfix))) == canonical(by_address(of_smtpseal));
}

bool is_one_of(const PostfixSetup& setup, const std::string& of_postfix,
               const std::vector<std::string>& ours) {
  return std::ranges::any_of(ours, [&](const auto& each) { return is_same_socket(setup, of_postfix, each); });
}

std::string for_postfix(const PostfixSetup& setup, const std::string& endpoint) {
  const auto queue = std::string(kUnix) + setup.queue_directory() + "/";
  return endpoint.starts_with(queue) ? std::string(kUnix) + endpoint.substr(queue.size()) : endpoint;
}

std::string milter_endpoint(const std::string& element) {
  if (!element.starts_with('{')) return element;
  const auto words = split_list(element.substr(1, element.rfind('}') - 1));
  return words.empty() ? std::string() : words.front();
}

std::optional<std::size_t> policy_place(const PostfixSetup& setup,
                                        const std::vector<std::string>& restrictions,
                                        const std::vector<std::string>& ours) {
  for (std::size_t i = 0; i + 1 < restrictions.size(); ++i) {
    if (restrictions[i] == "check_policy_service" &&
        is_one_of(setup, milter_endpoint(restrictions[i + 1]), ours))
      return i;
  }
  return std::nullopt;
}

}  // namespace smtpseal::cli
