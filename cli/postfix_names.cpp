#include "postfix_names.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace smtpseal::cli {
namespace {

constexpr std::string_view kUnix = "unix:";

// By what the paths lead to where they do, since links and mounts give one socket several.
bool is_same_path(const std::string& one, const std::string& other) {
  struct stat of_one {};
  struct stat of_other {};
  if (::stat(one.c_str(), &of_one) == 0 && ::stat(other.c_str(), &of_other) == 0)
    return of_one.st_dev == of_other.st_dev && of_one.st_ino == of_other.st_ino;
  std::error_code error;
  return std::filesystem::weakly_canonical(one, error) == std::filesystem::weakly_canonical(other, error);
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
  const auto absolute = setup.absolute(of_postfix);
  if (absolute.starts_with(kUnix) && of_smtpseal.starts_with(kUnix))
    return is_same_path(absolute.substr(kUnix.size()), of_smtpseal.substr(kUnix.size()));
  return by_address(absolute) == by_address(of_smtpseal);
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
