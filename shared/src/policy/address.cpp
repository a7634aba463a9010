#include "smtpseal/policy/address.hpp"

#include <arpa/inet.h>
#include <idn2.h>

#include <algorithm>
#include <array>
#include <memory>

#include "unicode.hpp"

namespace smtpseal::policy {
namespace {

// RFC 5321 4.5.3.1 allows 64 and 255 octets; quoting and source routes make it longer, nothing makes it
// longer than this.
constexpr std::size_t kMaxAddress = 2048;
// A U-label takes more octets than its A-label, but never this many for a name that DNS can hold.
constexpr std::size_t kMaxDomainText = 1024;
constexpr std::size_t kMaxName = 253;  // RFC 1035 2.3.4, without the root label
constexpr std::size_t kMaxLabel = 63;

class Category : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "smtpseal.policy"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::bad_domain:
        return "not a usable domain name";
      case errc::bad_address:
        return "not a usable mail address";
    }
    return "unknown error";
  }
};

struct Idn2Free {
  void operator()(char* text) const { ::idn2_free(text); }
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower(c); });
  return result;
}

// More than host names may have (RFC 1123 2.1), since names with "_" and worse do exist and must be matched
// in any spelling; but nothing that routes, quotes or groups in an address.
bool is_domain_char(char c) {
  return (static_cast<unsigned char>(c) > 0x20 && c != 0x7F) &&
         std::string_view("\"%!@()<>[]:;,\\").find(c) == std::string_view::npos;
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel &&
         std::all_of(label.begin(), label.end(), is_domain_char);
}

bool is_name(std::string_view name) {
  if (name.size() > kMaxName) return false;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    if (!is_label(name.substr(0, dot))) return false;
    name.remove_prefix(dot + 1);
  }
  return is_label(name);
}

Result<std::string> canonical_ascii(std::string_view domain) {
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (!is_name(domain)) return errc::bad_domain;
  return lower(domain);
}

// UTS 46 non-transitional, which is what Postfix and browsers resolve by. libidn2's mapping also removes what
// it ignores (soft hyphens), composes (NFC), folds case and width, and turns the ideographic full stops into
// dots.
Result<std::string> canonical_unicode(std::string_view domain) {
  if (!is_utf8(domain)) return errc::bad_domain;
  char* mapped = nullptr;
  const int status =
      ::idn2_to_ascii_8z(std::string(domain).c_str(), &mapped, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  const std::unique_ptr<char, Idn2Free> owner(mapped);
  if (status != IDN2_OK || mapped == nullptr || !is_ascii(mapped)) return errc::bad_domain;
  return canonical_ascii(mapped);
}

template <int Family, class Address>
Result<std::string> canonical_literal(std::string_view prefix, std::string_view text) {
  Address address{};
  std::array<char, INET6_ADDRSTRLEN> printed{};
  if (::inet_pton(Family, std::string(text).c_str(), &address) != 1) return errc::bad_domain;
  if (::inet_ntop(Family, &address, printed.data(), printed.size()) == nullptr) return errc::bad_domain;
  return "[" + std::string(prefix) + printed.data() + "]";
}

// RFC 5321 4.1.3. One address has many IPv6 spellings, so it is printed anew.
Result<std::string> canonical_address_literal(std::string_view domain) {
  constexpr std::string_view kIpv6 = "ipv6:";
  if (!domain.ends_with(']')) return errc::bad_domain;
  const std::string inner = lower(domain.substr(1, domain.size() - 2));
  if (inner.starts_with(kIpv6))
    return canonical_literal<AF_INET6, in6_addr>(kIpv6, inner.substr(kIpv6.size()));
  return canonical_literal<AF_INET, in_addr>({}, inner);
}

// Position of the "@" that the domain stands behind; npos where there is none. Quotes and backslashes hide an
// "@".
Result<std::size_t> last_unquoted_at(std::string_view address) {
  std::size_t at = std::string_view::npos;
  bool quoted = false;
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (address[i] == '\\') {
      ++i;
    } else if (address[i] == '"') {
      quoted = !quoted;
    } else if (address[i] == '@' && !quoted) {
      at = i;
    }
  }
  if (quoted) return errc::bad_address;
  return at;
}

std::string without_quoting(std::string_view local) {
  std::string result;
  result.reserve(local.size());
  for (std::size_t i = 0; i < local.size(); ++i) {
    if (local[i] == '\\' && i + 1 < local.size()) {
      result += local[++i];
    } else if (local[i] != '"') {
      result += local[i];
    }
  }
  return result;
}

// The end of the piece that starts at `start`: an address literal or a run of domain characters.
std::size_t piece_end(std::string_view text, std::size_t start) {
  if (text[start] == '[') {
    const std::size_t close = text.find(']', start);
    if (close != std::string_view::npos) return close + 1;
  }
  std::size_t end = start;
  while (end < text.size() && is_domain_char(text[end])) ++end;
  return std::max(end, start + 1);
}

// What an MTA that takes the quotes off, or follows a route, could take for a domain: every piece behind a
// "%" or "@", and every piece before a "!". Pieces that are no domains name nobody's.
std::vector<std::string> routed_domains(std::string_view local) {
  std::vector<std::string> domains;
  const std::size_t routed_from = std::min(local.find_first_of("%@"), local.size());
  const std::size_t last_bang = local.rfind('!');
  const std::size_t bang_until = last_bang == std::string_view::npos ? 0 : last_bang;
  for (std::size_t start = 0; start < local.size();) {
    const std::size_t end = piece_end(local, start);
    if (start > routed_from || start < bang_until) {
      auto domain = canonical_domain(local.substr(start, end - start));
      if (domain) domains.push_back(std::move(*domain));
    }
    start = end;
  }
  return domains;
}

}  // namespace

const boost::system::error_category& category() {
  static const Category instance;
  return instance;
}

Result<std::string> canonical_domain(std::string_view domain) {
  if (domain.empty() || domain.size() > kMaxDomainText) return errc::bad_domain;
  if (std::any_of(domain.begin(), domain.end(), is_control)) return errc::bad_domain;
  if (domain.front() == '[') return canonical_address_literal(domain);
  return is_ascii(domain) ? canonical_ascii(domain) : canonical_unicode(domain);
}

Result<AddressDomains> address_domains(std::string_view address) {
  if (address.size() > kMaxAddress) return errc::bad_address;
  if (std::any_of(address.begin(), address.end(), is_control)) return errc::bad_address;
  const auto at = last_unquoted_at(address);
  if (!at) return at.error();

  AddressDomains result;
  if (*at != std::string_view::npos) {
    auto domain = canonical_domain(address.substr(*at + 1));
    if (!domain) return domain.error();
    result.domain = std::move(*domain);
  }
  result.hidden = routed_domains(without_quoting(address.substr(0, *at)));
  return result;
}

}  // namespace smtpseal::policy
