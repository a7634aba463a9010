#include "smtpseal/postfix/policy_request.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace smtpseal::postfix;
using smtpseal::ErrorCode;

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kRequest = "request=smtpd_access_policy\n";

// What is told apart of each request, and how the stream ended.
struct Collected {
  std::vector<std::string> recipients;
  ErrorCode error;
};

void refuses_all_else(PolicyRequestReader& reader, const ErrorCode& error) {
  std::size_t consumed = 1;
  const auto request = reader.feed("request=smtpd_access_policy\n\n", consumed);
  BOOST_TEST((request.has_error() && request.error() == error));
  BOOST_TEST(consumed == 0U);
}

Collected collect(std::string_view data, std::size_t piece) {
  PolicyRequestReader reader;
  Collected collected;
  while (!data.empty()) {
    const std::string_view now = data.substr(0, piece);
    std::size_t consumed = 0;
    const auto request = reader.feed(now, consumed);
    if (!request) {
      collected.error = request.error();
      refuses_all_else(reader, request.error());
      return collected;
    }
    BOOST_REQUIRE(*request != nullptr || consumed == now.size());
    if (*request != nullptr) collected.recipients.emplace_back((*request)->get("recipient"));
    data.remove_prefix(consumed);
  }
  return collected;
}

std::string repeated(std::size_t count) {
  std::string attributes(kRequest);
  for (std::size_t i = 1; i < count; ++i) attributes += "a" + std::to_string(i) + "=\n";
  return attributes + "\n";
}

// A request of so many octets, the empty line included.
std::string of_size(std::size_t octets) {
  const std::string head = std::string(kRequest) + "recipient=";
  return head + std::string(octets - head.size() - 2, 'x') + "\n\n";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(postfix_policy_request)

BOOST_AUTO_TEST_CASE(collects_requests_however_they_arrive) {
  const std::string start(kRequest);
  const struct {
    std::string data;
    std::vector<std::string> recipients;
    ErrorCode error;
  } cases[] = {
      {"", {}, {}},
      {start, {}, {}},
      {start + "recipient=anna@partner.example", {}, {}},
      {start + "recipient=anna@partner.example\n", {}, {}},
      {start + "\n", {""}, {}},
      {start + "recipient=\n\n", {""}, {}},
      {start + "recipient=anna@partner.example\n\n", {"anna@partner.example"}, {}},
      {start + "recipient=a=b=c@x\n\n", {"a=b=c@x"}, {}},
      {start + "recipient==\n\n", {"="}, {}},
      {start + "recipient= a \n\n", {" a "}, {}},
      {start + "recipient=a\r\n\n", {"a\r"}, {}},
      {start + "recipient=d\xC3\xB6m\n\n", {"d\xC3\xB6m"}, {}},
      {"recipient=a\n" + start + "\n", {"a"}, {}},
      {start + "recipient_count=7\nRecipient=b\nrecipien=c\nrecipient=a\nmade up=1\n\n", {"a"}, {}},
      {start + "recipient=a\n\n" + start + "sender=c\n\n" + start + "recipient=b\n\n" + start,
       {"a", "", "b"},
       {}},
      {"\n", {}, policy_errc::not_a_policy_request},
      {"recipient=a\n\n", {}, policy_errc::not_a_policy_request},
      {"request=\n\n", {}, policy_errc::not_a_policy_request},
      {"request=smtpd_access_policy2\n\n", {}, policy_errc::not_a_policy_request},
      {"request=SMTPD_ACCESS_POLICY\n\n", {}, policy_errc::not_a_policy_request},
      {"request=smtpd_access_policy\r\n\n", {}, policy_errc::not_a_policy_request},
      {start + "recipient=a\n\n\n", {"a"}, policy_errc::not_a_policy_request},
      {start + "recipient\n\n", {}, policy_errc::bad_line},
      {start + "=a\n\n", {}, policy_errc::bad_line},
      {start + "=\n\n", {}, policy_errc::bad_line},
      {start + "\r\n", {}, policy_errc::bad_line},
      {start + "recipient=a\n\nEHLO x\n", {"a"}, policy_errc::bad_line},
      {"16:transport a@b.c,\n", {}, policy_errc::bad_line},
      {start + std::string("recipient=a\0b\n\n"sv), {}, policy_errc::bad_line},
      {start + std::string("reci\0pient=a\n\n"sv), {}, policy_errc::bad_line},
      {start + std::string("\0\n\n"sv), {}, policy_errc::bad_line},
      {start + start + "\n", {}, policy_errc::repeated_attribute},
      {start + "recipient=a\nrecipient=b\n\n", {}, policy_errc::repeated_attribute},
      {start + "recipient=a\nsender=c\nrecipient=a\n\n", {}, policy_errc::repeated_attribute},
      {start + "made up=\nmade up=\n\n", {}, policy_errc::repeated_attribute},
  };
  for (const auto& test : cases) {
    for (std::size_t piece = 1; piece <= test.data.size() + 1; ++piece) {
      const Collected got = collect(test.data, piece);
      BOOST_TEST(got.recipients == test.recipients, boost::test_tools::per_element());
      BOOST_TEST((got.error == test.error), test.data << ": " << got.error.message());
    }
  }
}

BOOST_AUTO_TEST_CASE(hands_out_every_attribute_of_postfix) {
  PolicyRequestReader reader;
  std::size_t consumed = 0;
  const auto request = reader.feed(
      "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.7\n"
      "client_name=mail.partner.example\nclient_port=40123\nqueue_id=\nsize=12345\n"
      "sasl_method=XCLIENT\nsasl_username=EX\\anna\nstress=\nsender=<>\n\nrequest=",
      consumed);
  BOOST_REQUIRE((request && *request != nullptr));
  const struct {
    std::string_view name, want;
  } cases[] = {
      {"request", "smtpd_access_policy"},
      {"protocol_state", "RCPT"},
      {"client_address", "192.0.2.7"},
      {"client_port", "40123"},
      {"queue_id", ""},
      {"stress", ""},
      {"sasl_username", "EX\\anna"},
      {"sender", "<>"},
      {"size", "12345"},
      {"recipient", ""},
      {"client_addres", ""},
      {"client_address_", ""},
      {"", ""},
      {"client_address=192.0", ""},
  };
  for (const auto& test : cases) BOOST_TEST((*request)->get(test.name) == test.want, test.name);
}

BOOST_AUTO_TEST_CASE(forgets_the_request_before) {
  PolicyRequestReader reader;
  std::size_t consumed = 0;
  const std::string first = std::string(kRequest) + "sasl_username=anna\nsender=a\n\n";
  BOOST_REQUIRE(*reader.feed(first, consumed) != nullptr);
  const auto second = reader.feed("sender=b\nrequest=smtpd_access_policy\n\n", consumed);
  BOOST_REQUIRE((second && *second != nullptr));
  BOOST_TEST((*second)->get("sasl_username") == "");
  BOOST_TEST((*second)->get("sender") == "b");
}

BOOST_AUTO_TEST_CASE(keeps_a_copied_request_whole) {
  PolicyRequestReader reader;
  std::size_t consumed = 0;
  const auto request = reader.feed(std::string(kRequest) + "sender=a\n\n", consumed);
  BOOST_REQUIRE((request && *request != nullptr));
  const PolicyRequest kept = **request;
  BOOST_REQUIRE(reader.feed(std::string(kRequest) + "sender=b\n\n", consumed));
  BOOST_TEST(kept.get("sender") == "a");
}

BOOST_AUTO_TEST_CASE(takes_a_request_of_the_greatest_size) {
  const std::string greatest = of_size(kMaxPolicyRequest);
  BOOST_REQUIRE(greatest.size() == kMaxPolicyRequest);
  const std::string after = std::string(kRequest) + "recipient=next\n\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}, 2 * kMaxPolicyRequest}) {
    const Collected got = collect(greatest + after, piece);
    BOOST_TEST(!got.error);
    BOOST_REQUIRE(got.recipients.size() == 2U);
    BOOST_TEST(got.recipients.front().size() == kMaxPolicyRequest - kRequest.size() - 12);
    BOOST_TEST(got.recipients.back() == "next");
  }
}

BOOST_AUTO_TEST_CASE(refuses_one_octet_more_than_that) {
  const std::string cases[] = {
      of_size(kMaxPolicyRequest + 1),
      std::string(kMaxPolicyRequest + 1, 'x'),
      std::string(kRequest) + std::string(kMaxPolicyRequest - kRequest.size(), 'x') + "\n",
  };
  for (const std::string& data : cases) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}, 2 * kMaxPolicyRequest}) {
      const Collected got = collect(data, piece);
      BOOST_TEST(got.recipients.empty());
      BOOST_TEST((got.error == policy_errc::too_long), got.error.message());
    }
  }
}

BOOST_AUTO_TEST_CASE(waits_for_the_end_of_a_line_of_the_greatest_size) {
  PolicyRequestReader reader;
  std::size_t consumed = 0;
  const auto request = reader.feed(std::string(kMaxPolicyRequest, 'x'), consumed);
  BOOST_TEST((request && *request == nullptr));
  BOOST_TEST(consumed == kMaxPolicyRequest);
  BOOST_TEST((reader.feed("x", consumed).error() == policy_errc::too_long));
}

BOOST_AUTO_TEST_CASE(limits_the_number_of_attributes) {
  BOOST_TEST(collect(repeated(kMaxPolicyAttributes), 4096).recipients.size() == 1U);
  const Collected got = collect(repeated(kMaxPolicyAttributes + 1), 4096);
  BOOST_TEST(got.recipients.empty());
  BOOST_TEST((got.error == policy_errc::too_long), got.error.message());
}

BOOST_AUTO_TEST_CASE(explains_its_errors) {
  for (const auto error : {policy_errc::too_long, policy_errc::bad_line, policy_errc::repeated_attribute,
                           policy_errc::not_a_policy_request}) {
    BOOST_TEST(!ErrorCode(error).message().starts_with("unknown"));
    BOOST_TEST(ErrorCode(error).category().name() == "policy"sv);
  }
}

BOOST_AUTO_TEST_CASE(formats_replies) {
  const struct {
    std::string_view action, want;
  } cases[] = {
      {"DUNNO", "action=DUNNO\n\n"},
      {"DEFER 4.7.5 no credential for partner.example",
       "action=DEFER 4.7.5 no credential for partner.example\n\n"},
      {"", "action=\n\n"},
      {"REJECT a\n\naction=OK", "action=REJECT a  action=OK\n\n"},
      {"REJECT a\r\nb\tc\x1F\x7F", "action=REJECT a  b c  \n\n"},
      {"REJECT a\0b"sv, "action=REJECT a b\n\n"},
      {"REJECT d\xC3\xB6m", "action=REJECT d\xC3\xB6m\n\n"},
  };
  for (const auto& test : cases) BOOST_TEST(format_policy_reply(test.action) == test.want);
}

BOOST_AUTO_TEST_SUITE_END()
