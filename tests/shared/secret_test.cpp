#include "smtpseal/secret.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <new>
#include <string>
#include <type_traits>

#include "ntlm/hex.hpp"

using namespace smtpseal;
using smtpseal::testing::hex;
using smtpseal::testing::unhex_array;

namespace {

template <class T>
concept Printable = requires(std::ostream& stream, const T& value) {
  stream << value;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(secret)

BOOST_AUTO_TEST_CASE(secrets_cannot_be_copied_or_printed) {
  static_assert(!std::is_copy_constructible_v<SecretArray<16>> &&
                !std::is_copy_assignable_v<SecretArray<16>>);
  static_assert(!std::is_copy_constructible_v<SecretText> && !std::is_copy_assignable_v<SecretText>);
  static_assert(!Printable<SecretArray<16>> && !Printable<SecretText>);
  static_assert(!std::is_convertible_v<SecretText, std::string> &&
                !std::is_convertible_v<SecretText, std::string_view>);
}

BOOST_AUTO_TEST_CASE(wipe_clears_all_octets) {
  auto octets = unhex_array<4>("01020304");
  wipe(octets.data(), 3);
  BOOST_TEST(hex(octets) == "00000004");
}

BOOST_AUTO_TEST_CASE(comparison_sees_every_octet_and_the_size) {
  const auto a = unhex_array<4>("01020304");
  BOOST_TEST(equal_in_constant_time(a, unhex_array<4>("01020304")));
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto b = a;
    b[i] ^= std::byte{0x80};
    BOOST_TEST(!equal_in_constant_time(a, b));
  }
  BOOST_TEST(!equal_in_constant_time(a, ByteSpan(a).first(3)));
  BOOST_TEST(equal_in_constant_time({}, {}));
}

BOOST_AUTO_TEST_CASE(a_moved_array_is_empty_afterwards) {
  SecretArray<4> first(unhex_array<4>("01020304"));
  SecretArray<4> second(std::move(first));
  BOOST_TEST(hex(second.octets()) == "01020304");
  BOOST_TEST(hex(first.octets()) == "00000000");  // NOLINT: looks at what a move left
  SecretArray<4> third;
  third = std::move(second);
  BOOST_TEST(hex(third.octets()) == "01020304");
  BOOST_TEST(hex(second.octets()) == "00000000");  // NOLINT: looks at what a move left
  BOOST_TEST(hex(third.clone().octets()) == "01020304");
  BOOST_TEST(hex(third.octets()) == "01020304");
}

BOOST_AUTO_TEST_CASE(an_array_wipes_itself) {
  alignas(SecretArray<16>) std::array<std::byte, sizeof(SecretArray<16>)> memory{};
  auto* const secret =
      new (memory.data()) SecretArray<16>(unhex_array<16>("0102030405060708090a0b0c0d0e0f10"));
  secret->~SecretArray();
  BOOST_TEST(hex(memory) == std::string(2 * memory.size(), '0'));
}

BOOST_AUTO_TEST_CASE(a_text_takes_over_and_wipes_where_it_came_from) {
  for (const std::size_t size : {5U, 100U}) {  // inside the string object, and on the heap
    std::string source(size, 's');
    SecretText first(std::move(source));
    BOOST_TEST(source.find('s') == std::string::npos);  // NOLINT: looks at what a move left
    BOOST_TEST(std::string(source.data(), source.capacity()).find('s') == std::string::npos);
    SecretText second(std::move(first));
    BOOST_TEST(second.reveal() == std::string(size, 's'));
    BOOST_TEST(first.reveal().find('s') == std::string_view::npos);  // NOLINT: looks at what a move left
    SecretText third(std::string(200, 't'));
    third = std::move(second);
    BOOST_TEST(third.reveal() == std::string(size, 's'));
    BOOST_TEST(second.empty());  // NOLINT: looks at what a move left
    BOOST_TEST(!third.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_short_text_leaves_nothing_in_its_object) {
  alignas(SecretText) std::array<std::byte, sizeof(SecretText)> memory{};
  auto* const secret = new (memory.data()) SecretText(std::string("hunter2"));
  BOOST_TEST((as_text(memory).find("hunter2") != std::string_view::npos));
  secret->~SecretText();
  BOOST_TEST((as_text(memory).find("hunter") == std::string_view::npos));
}

BOOST_AUTO_TEST_SUITE_END()
