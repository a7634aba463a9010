#include "smtpseal/ntlm/text.hpp"

#include <clocale>
#include <cwctype>
#include <optional>

#include "smtpseal/secret.hpp"

namespace smtpseal::ntlm {

namespace {

constexpr char32_t kLastCodePoint = 0x10ffff;

bool is_surrogate(char32_t c) {
  return c >= 0xd800 && c <= 0xdfff;
}
bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

// Takes one code point off `text`. nullopt where it is not well-formed UTF-8 (RFC 3629), overlong forms
// included.
std::optional<char32_t> take_code_point(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  unsigned length = 1;
  char32_t point = first;
  if (first >= 0xf0 && first < 0xf8) {
    length = 4;
    point = first & 0x07;
  } else if (first >= 0xe0 && first < 0xf0) {
    length = 3;
    point = first & 0x0f;
  } else if (first >= 0xc0 && first < 0xe0) {
    length = 2;
    point = first & 0x1f;
  } else if (first >= 0x80) {
    return std::nullopt;
  }
  if (text.size() < length) return std::nullopt;
  for (unsigned i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return std::nullopt;
    point = point << 6 | (next & 0x3f);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < least[length] || point > kLastCodePoint || is_surrogate(point)) return std::nullopt;
  text.remove_prefix(length);
  return point;
}

void append_utf16le(Bytes& to, char32_t point) {
  if (point < 0x10000) {
    append_u16le(to, static_cast<std::uint16_t>(point));
    return;
  }
  point -= 0x10000;
  append_u16le(to, static_cast<std::uint16_t>(0xd800 | point >> 10));
  append_u16le(to, static_cast<std::uint16_t>(0xdc00 | (point & 0x3ff)));
}

void append_utf8(std::string& to, char32_t point) {
  const auto tail = [&](unsigned shift) { to += static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    to += static_cast<char>(point);
  } else if (point < 0x800) {
    to += static_cast<char>(0xc0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    to += static_cast<char>(0xe0 | point >> 12);
    tail(6);
    tail(0);
  } else {
    to += static_cast<char>(0xf0 | point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

Result<std::string> decode_unicode(ByteSpan wire) {
  std::string text;
  ByteReader reader(wire);
  while (reader.remaining() > 0) {
    char32_t point = reader.u16le();
    if (point >= 0xd800 && point < 0xdc00) {
      const char32_t low = reader.u16le();
      if (low < 0xdc00 || low > 0xdfff) return make_error_code(errc::bad_string);
      point = 0x10000 + ((point & 0x3ff) << 10 | (low & 0x3ff));
    }
    if (!reader.ok() || is_surrogate(point) || is_control(point)) return make_error_code(errc::bad_string);
    append_utf8(text, point);
  }
  return text;
}

Result<std::string> decode_oem(ByteSpan wire) {
  for (const char c : as_text(wire)) {
    if (c < 0x20 || c > 0x7e) return make_error_code(errc::bad_string);
  }
  return std::string(as_text(wire));
}

// The case tables of the C library, without the locale of the process. One for all, until this code is
// unloaded.
class UnicodeLocale {
 public:
  UnicodeLocale() = default;
  UnicodeLocale(const UnicodeLocale&) = delete;
  UnicodeLocale& operator=(const UnicodeLocale&) = delete;
  ~UnicodeLocale() {
    if (locale_ != nullptr) ::freelocale(locale_);
  }
  [[nodiscard]] wint_t upper(wint_t c) const {
    return locale_ != nullptr ? ::towupper_l(c, locale_) : c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
  }

 private:
  locale_t locale_ = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
};

wint_t upper(wint_t c) {
  static const UnicodeLocale locale;
  return locale.upper(c);
}

}  // namespace

Result<Bytes> encode_text(std::string_view utf8, Charset charset) {
  Bytes wire;
  wire.reserve(2 * utf8.size());  // so that a password leaves no copy behind in memory given back
  while (!utf8.empty()) {
    const std::optional<char32_t> point = take_code_point(utf8);
    if (!point || (charset == Charset::oem && *point >= 0x80)) {
      wipe(wire.data(), wire.size());
      return make_error_code(errc::bad_string);
    }
    if (charset == Charset::oem) {
      wire.push_back(static_cast<std::byte>(*point));
    } else {
      append_utf16le(wire, *point);
    }
  }
  return wire;
}

Result<std::string> decode_text(ByteSpan wire, Charset charset) {
  return charset == Charset::unicode ? decode_unicode(wire) : decode_oem(wire);
}

void make_upper_case(Bytes& utf16le) {
  for (std::size_t i = 0; i + 1 < utf16le.size(); i += 2) {
    const unsigned unit = std::to_integer<unsigned>(utf16le[i]) | std::to_integer<unsigned>(utf16le[i + 1])
                                                                      << 8;
    // Surrogates have no case of their own, and Windows upper-cases unit by unit.
    const wint_t mapped = upper(unit);
    if (mapped > 0xffff) continue;
    utf16le[i] = static_cast<std::byte>(mapped);
    utf16le[i + 1] = static_cast<std::byte>(mapped >> 8);
  }
}

}  // namespace smtpseal::ntlm
