#include "smtpseal/postfix/policy_request.hpp"

#include <algorithm>
#include <iterator>

namespace smtpseal::postfix {

namespace {

// What an idle reader may keep. A request of Postfix is some 900 octets with 30 attributes.
constexpr std::size_t kKeptText = 2048;
constexpr std::size_t kKeptAttributes = 64;

class PolicyCategory final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "policy"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<policy_errc>(value)) {
      case policy_errc::too_long:
        return "policy request too long";
      case policy_errc::bad_line:
        return "malformed line in a policy request";
      case policy_errc::repeated_attribute:
        return "repeated attribute in a policy request";
      case policy_errc::not_a_policy_request:
        return "not an smtpd_access_policy request";
    }
    return "unknown policy request error";
  }
};

}  // namespace

const boost::system::error_category& policy_category() {
  static const PolicyCategory instance;
  return instance;
}

std::string_view PolicyRequest::get(std::string_view name) const {
  const Attribute* const found = find(name);
  if (found == nullptr) return {};
  return std::string_view(text_).substr(found->begin + found->name_size + 1, found->value_size);
}

const PolicyRequest::Attribute* PolicyRequest::find(std::string_view name) const {
  for (const Attribute& attribute : attributes_)
    if (attribute.name_size == name.size() && name_of(attribute) == name) return &attribute;
  return nullptr;
}

std::string_view PolicyRequest::name_of(const Attribute& attribute) const {
  return std::string_view(text_).substr(attribute.begin, attribute.name_size);
}

Result<const PolicyRequest*> PolicyRequestReader::feed(std::string_view data, std::size_t& consumed) {
  consumed = 0;
  if (done_) start();
  while (!failed_ && !done_ && consumed < data.size()) failed_ = take(data, consumed);
  if (failed_) return make_error_code(*failed_);
  return done_ ? &request_ : nullptr;
}

// Takes octets up to and including the next LF.
std::optional<policy_errc> PolicyRequestReader::take(std::string_view data, std::size_t& consumed) {
  const std::string_view rest = data.substr(consumed);
  const std::size_t line_end = rest.find('\n');
  const std::string_view taken = rest.substr(0, line_end == std::string_view::npos ? line_end : line_end + 1);
  consumed += taken.size();
  if (taken.size() > kMaxPolicyRequest - request_.text_.size()) return policy_errc::too_long;
  request_.text_.append(taken);
  return line_end == std::string_view::npos ? std::nullopt : end_line();
}

std::optional<policy_errc> PolicyRequestReader::end_line() {
  const std::string_view line =
      std::string_view(request_.text_).substr(line_begin_, request_.text_.size() - line_begin_ - 1);
  if (!line.empty()) return add_attribute(line);
  if (request_.get("request") != "smtpd_access_policy") return policy_errc::not_a_policy_request;
  done_ = true;
  return std::nullopt;
}

std::optional<policy_errc> PolicyRequestReader::add_attribute(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == 0 || equals == std::string_view::npos || line.find('\0') != std::string_view::npos)
    return policy_errc::bad_line;
  if (request_.find(line.substr(0, equals)) != nullptr) return policy_errc::repeated_attribute;
  if (request_.attributes_.size() == kMaxPolicyAttributes) return policy_errc::too_long;
  request_.attributes_.push_back({static_cast<std::uint32_t>(line_begin_), static_cast<std::uint32_t>(equals),
                                  static_cast<std::uint32_t>(line.size() - equals - 1)});
  line_begin_ = request_.text_.size();
  return std::nullopt;
}

void PolicyRequestReader::start() {
  done_ = false;
  line_begin_ = 0;
  if (request_.text_.capacity() > kKeptText || request_.attributes_.capacity() > kKeptAttributes) {
    request_ = {};
  } else {
    request_.text_.clear();
    request_.attributes_.clear();
  }
}

std::string format_policy_reply(std::string_view action) {
  std::string reply = "action=";
  reply.reserve(reply.size() + action.size() + 2);
  std::transform(action.begin(), action.end(), std::back_inserter(reply), [](char c) {
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    return is_control ? ' ' : c;
  });
  return reply.append("\n\n");
}

}  // namespace smtpseal::postfix
