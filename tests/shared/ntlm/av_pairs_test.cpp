#include "smtpseal/ntlm/av_pairs.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "hex.hpp"

using namespace smtpseal;
using namespace smtpseal::ntlm;
using smtpseal::testing::hex;
using smtpseal::testing::unhex;

namespace {

const std::string kNames = "02000200440001000200530007000800010203040506070806000400020000000a001000" +
                           std::string(32, '1') + "0000" + "0000";

}  // namespace

BOOST_AUTO_TEST_SUITE(ntlm_av_pairs)

BOOST_AUTO_TEST_CASE(finds_what_a_list_holds) {
  const Bytes wire = unhex(kNames);
  const auto list = AvPairs::decode(wire);
  BOOST_REQUIRE(list.has_value());
  BOOST_TEST(list->pairs().size() == 5U);
  BOOST_TEST(hex(*list->find(AvId::nb_domain_name)) == "4400");
  BOOST_TEST(*list->timestamp() == 0x0807060504030201U);
  BOOST_TEST(list->flags() == kAvFlagMicPresent);
  BOOST_TEST(!list->find(AvId::target_name).has_value());
}

BOOST_AUTO_TEST_CASE(an_empty_list_says_nothing) {
  const Bytes wire = unhex("00000000");
  const auto list = AvPairs::decode(wire);
  BOOST_TEST(list->flags() == 0U);
  BOOST_TEST(!list->timestamp().has_value());
}

BOOST_AUTO_TEST_CASE(written_pairs_read_back_the_same) {
  const Bytes wire = unhex(kNames);
  const auto list = AvPairs::decode(wire).value();
  Bytes again;
  for (const AvPair& pair : list.pairs()) append_av(again, pair.id, pair.value);
  append_av(again, AvId::eol, {});
  BOOST_TEST(hex(again) == kNames);
}

BOOST_AUTO_TEST_CASE(refuses_a_list_cut_at_any_octet) {
  const Bytes wire = unhex(kNames);
  for (std::size_t size = 0; size < wire.size(); ++size) {
    BOOST_CHECK(AvPairs::decode(ByteSpan(wire).first(size)).error() == make_error_code(errc::bad_av_pairs));
  }
}

BOOST_AUTO_TEST_CASE(ignores_what_follows_the_end_of_the_list) {
  BOOST_TEST(AvPairs::decode(unhex(kNames + "ffffffffff")).has_value());
}

BOOST_AUTO_TEST_CASE(refuses_values_of_the_wrong_size_and_repetitions) {
  const std::string bad[] = {
      "0600030001020300000000",                    // flags of 3 octets
      "0600000000000000",                          // flags without a value
      "070004000102030400000000",                  // a time stamp of 4 octets
      "0a000200010200000000",                      // channel bindings of 2 octets
      "02000200440002000200440000000000",          // a name twice
      "0600040002000000060004000000000000000000",  // flags twice
  };
  for (const std::string& wire : bad) {
    BOOST_CHECK(AvPairs::decode(unhex(wire)).error() == make_error_code(errc::bad_av_pairs));
  }
}

BOOST_AUTO_TEST_CASE(unknown_identifiers_are_kept) {
  const Bytes wire = unhex("0b00010041ff00010042ff0001004300000000");
  const auto list = AvPairs::decode(wire);
  BOOST_REQUIRE(list.has_value());
  BOOST_TEST(list->pairs().size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
