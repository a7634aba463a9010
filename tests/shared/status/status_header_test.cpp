#include "smtpseal/status/status_header.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

namespace smtpseal::status {
namespace {

using session::Protection;
using session::SessionSecurity;
using namespace std::string_literals;

SessionSecurity sealed() {
  SessionSecurity security;
  security.protection = Protection::sealed;
  security.mechanism = "NTLM";
  security.account = "INTELLINET\\DOUG";
  security.response = ntlm::Response::ntlmv2;
  security.bits = 128;
  security.octets_sealed = 512;
  security.octets_unsealed = 2048;
  security.peer_name = "mail.partner.example";
  security.peer_address = "192.0.2.7";
  return security;
}

SessionSecurity with(Protection protection) {
  SessionSecurity security;
  security.protection = protection;
  return security;
}

SessionSecurity with_tls(Protection protection) {
  SessionSecurity security = with(protection);
  security.tls = session::Tls{"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256};
  return security;
}

Status by_us(SessionSecurity security) {
  return {std::move(security), "mx.example.com", {}};
}

std::string text_of(const Status& status) {
  return format_status(status, ShowAccount::yes);
}

constexpr std::string_view kSealed =
    R"(sealed; mech=NTLM; auth=NTLMv2; cipher=RC4; bits=128; account="INTELLINET\\DOUG"; )"
    "peer=mail.partner.example[192.0.2.7]; by=mx.example.com";
constexpr std::string_view kSession =
    R"(sealed; mech=NTLM; auth=NTLMv2; cipher=RC4; bits=128; account="INTELLINET\\DOUG"; )"
    "sealed=512; unsealed=2048; peer=mail.partner.example[192.0.2.7]";

std::size_t longest_line(const std::string& text, std::size_t name_length) {
  std::size_t longest = 0;
  std::size_t column = name_length + 2;
  for (const char c : text) {
    column = c == '\n' ? 0 : column + 1;
    longest = std::max(longest, column);
  }
  return longest;
}

BOOST_AUTO_TEST_SUITE(status_header)

BOOST_AUTO_TEST_CASE(writes_a_sealed_session) {
  BOOST_TEST(text_of(by_us(sealed())) == kSealed);
}

BOOST_AUTO_TEST_CASE(writes_every_protection) {
  SessionSecurity login = with(Protection::authenticated);
  login.mechanism = "NTLM";
  login.account = "DOUG";
  login.response = ntlm::Response::ntlm2_session;
  BOOST_TEST(text_of(by_us(login)) ==
             "authenticated; mech=NTLM; auth=NTLM2-session; account=DOUG; by=mx.example.com");
  BOOST_TEST(text_of(by_us(with_tls(Protection::tls))) ==
             "tls; tls=TLSv1.3; tls-cipher=TLS_AES_256_GCM_SHA384; tls-bits=256; by=mx.example.com");
  BOOST_TEST(text_of(by_us(with(Protection::none))) == "none; by=mx.example.com");
  SessionSecurity unknown = with(Protection::unknown);
  unknown.unknown_reason = "relay not answering";
  BOOST_TEST(text_of(by_us(unknown)) == R"(unknown; reason="relay not answering"; by=mx.example.com)");
}

BOOST_AUTO_TEST_CASE(a_seal_that_was_not_used_is_written_as_a_login) {
  for (const auto count : {&SessionSecurity::octets_sealed, &SessionSecurity::octets_unsealed}) {
    SessionSecurity security = sealed();
    security.*count = 0;
    BOOST_TEST(text_of(by_us(security)) ==
               R"(authenticated; mech=NTLM; auth=NTLMv2; account="INTELLINET\\DOUG"; )"
               "peer=mail.partner.example[192.0.2.7]; by=mx.example.com");
  }
}

BOOST_AUTO_TEST_CASE(strength_and_cipher_are_those_of_a_seal_only) {
  for (const auto protection : {Protection::none, Protection::tls, Protection::authenticated}) {
    SessionSecurity security = sealed();
    security.protection = protection;
    const std::string text = text_of(by_us(security));
    BOOST_TEST(text.find("bits=") == std::string::npos, text);
    BOOST_TEST(text.find("cipher=") == std::string::npos, text);
  }
}

BOOST_AUTO_TEST_CASE(the_account_can_be_left_out) {
  const std::string text = format_status(by_us(sealed()), ShowAccount::no);
  BOOST_TEST(text.find("DOUG") == std::string::npos);
  BOOST_TEST(text.find("account") == std::string::npos);
  BOOST_TEST(text.find("peer=mail.partner.example[192.0.2.7]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(says_what_report_mode_would_have_done) {
  Status status = by_us(with(Protection::none));
  status.would_reject = "partner.example must be sealed";
  BOOST_TEST(text_of(status) == R"(none; would-reject="partner.example must be sealed"; by=mx.example.com)");
}

BOOST_AUTO_TEST_CASE(a_peer_has_a_name_an_address_or_both) {
  Status status = by_us(with(Protection::none));
  status.security.peer_name = "mail.partner.example";
  BOOST_TEST(text_of(status) == "none; peer=mail.partner.example; by=mx.example.com");
  status.security.peer_address = "2001:db8::7";
  BOOST_TEST(text_of(status) == "none; peer=mail.partner.example[2001:db8::7]; by=mx.example.com");
  status.security.peer_name.clear();
  BOOST_TEST(text_of(status) == "none; peer=[2001:db8::7]; by=mx.example.com");
}

BOOST_AUTO_TEST_CASE(a_peer_name_with_brackets_can_be_read_too) {
  for (const std::string& odd :
       {"["s, "]"s, "[]"s, "a[]"s, "a[b]"s, "[b]"s, "a]"s, "a[b"s, std::string(300, 'a') + "[b]"}) {
    Status status = by_us(with(Protection::none));
    status.security.peer_name = odd;
    BOOST_TEST(parse_status(format_session(status.security)).has_value(), odd);
    const auto read = parse_status(text_of(status));
    BOOST_REQUIRE_MESSAGE(read.has_value(), odd);
    BOOST_TEST(text_of(*read) == text_of(status));
  }
}

BOOST_AUTO_TEST_CASE(a_long_peer_name_does_not_push_out_the_address) {
  Status status = by_us(with(Protection::none));
  status.security.peer_name = std::string(1000, 'a');
  status.security.peer_address = "192.0.2.7";
  BOOST_TEST(text_of(status) == "none; peer=" + std::string(244, 'a') + "[192.0.2.7]; by=mx.example.com");
}

struct QuoteCase {
  std::string account;
  std::string written;
};

BOOST_AUTO_TEST_CASE(foreign_text_cannot_leave_its_quotes) {
  const QuoteCase cases[] = {
      {"DOUG", "DOUG"},
      {"d.o-u_g+1", "d.o-u_g+1"},
      {"CORP\\mx", R"("CORP\\mx")"},
      {"a b", R"("a b")"},
      {"a;by=evil", R"("a;by=evil")"},
      {"a\"; by=evil.example; x=\"", R"("a\"; by=evil.example; x=\"")"},
      {"a\\", R"("a\\")"},
      {"a\\\"", R"("a\\\"")"},
      {"a(b)", "\"a(b)\""},
      {"anna@partner.example", R"("anna@partner.example")"},
      {"a\r\nSubject: x", R"("a??Subject: x")"},
      {"a\tb\x7f", R"("a?b?")"},
      {"a\0b"s, R"("a?b")"},
      {"D\xC3\x96M", R"("D??M")"},
      {" ", R"(" ")"},
      {std::string(300, 'a'), std::string(255, 'a')},
      {std::string(254, 'a') + "\\\\\\", "\"" + std::string(254, 'a') + "\\\\\""},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.account) {
      Status status = by_us(with(Protection::authenticated));
      status.security.account = c.account;
      const std::string text = text_of(status);
      BOOST_TEST(text == "authenticated; account=" + c.written + "; by=mx.example.com");
      const auto read = parse_status(text);
      BOOST_REQUIRE(read.has_value());
      BOOST_TEST(read->by == "mx.example.com");
      BOOST_TEST(text_of(*read) == text);
    }
  }
}

BOOST_AUTO_TEST_CASE(reads_what_it_writes) {
  const auto status = parse_status(kSealed);
  BOOST_REQUIRE(status.has_value());
  const SessionSecurity& security = status->security;
  BOOST_TEST(session::name(security.protection) == "sealed");
  BOOST_TEST(security.mechanism == "NTLM");
  BOOST_TEST((security.response == ntlm::Response::ntlmv2));
  BOOST_TEST(security.bits == 128U);
  BOOST_TEST(security.account == "INTELLINET\\DOUG");
  BOOST_TEST(security.peer_name == "mail.partner.example");
  BOOST_TEST(security.peer_address == "192.0.2.7");
  BOOST_TEST(!security.tls.has_value());
  BOOST_TEST(security.is_proven_sealed());
  BOOST_TEST(status->by == "mx.example.com");
  BOOST_TEST(status->would_reject.empty());
}

BOOST_AUTO_TEST_CASE(reads_tls_reason_and_would_reject) {
  const auto tls = parse_status(
      "tls; tls=TLSv1.3; tls-cipher=TLS_AES_256_GCM_SHA384; tls-bits=256; would-reject=\"not sealed\"; "
      "by=mx.example.com");
  BOOST_REQUIRE(tls.has_value());
  BOOST_TEST((tls->security.tls == session::Tls{"TLSv1.3", "TLS_AES_256_GCM_SHA384", 256}));
  BOOST_TEST(tls->would_reject == "not sealed");
  const auto unknown = parse_status("unknown; reason=\"relay not answering\"; by=mx.example.com");
  BOOST_REQUIRE(unknown.has_value());
  BOOST_TEST(session::name(unknown->security.protection) == "unknown");
  BOOST_TEST(unknown->security.unknown_reason == "relay not answering");
}

BOOST_AUTO_TEST_CASE(every_response_and_protection_survives_writing_and_reading) {
  using enum ntlm::Response;
  using enum Protection;
  for (const auto protection : {none, tls, authenticated, session::Protection::sealed, unknown}) {
    for (const auto response : {lm, ntlmv1, ntlm2_session, ntlmv2}) {
      SessionSecurity security = status::sealed();
      security.protection = protection;
      security.response = response;
      const auto read = parse_status(text_of(by_us(security)));
      BOOST_REQUIRE(read.has_value());
      BOOST_TEST((read->security.protection == protection));
      BOOST_TEST((read->security.response == response));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_session_map_tells_octets_and_an_unproven_seal) {
  BOOST_TEST(format_session(sealed()) == kSession);
  const auto read = parse_status(kSession);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(read->security.octets_sealed == 512U);
  BOOST_TEST(read->security.octets_unsealed == 2048U);
  BOOST_TEST(read->by.empty());

  SessionSecurity fresh = sealed();
  fresh.octets_sealed = 0;
  fresh.octets_unsealed = 0;
  const auto unproven = parse_status(format_session(fresh));
  BOOST_REQUIRE(unproven.has_value());
  BOOST_TEST(session::name(unproven->security.protection) == "sealed");
  BOOST_TEST(!unproven->security.is_proven_sealed());
}

BOOST_AUTO_TEST_CASE(the_session_map_tells_the_relays_id_and_a_header_does_not) {
  SessionSecurity security = sealed();
  security.session_id = "00af31c2d9";
  const auto text = format_session(security);
  BOOST_TEST(text.find("; id=00af31c2d9; peer=") != std::string::npos);
  BOOST_REQUIRE(parse_status(text).has_value());
  BOOST_TEST(parse_status(text)->security.session_id == "00af31c2d9");
  const auto header = format_status({security, "mx.example.com", {}}, ShowAccount::yes);
  BOOST_TEST(header.find("00af31c2d9") == std::string::npos);
  BOOST_TEST(!parse_status(text + "; by=mx.example.com").has_value());
}

BOOST_AUTO_TEST_CASE(the_session_map_keeps_accounts_apart) {
  for (const std::string& account : {"CORP\\D\xC3\x96M"s, "CORP\\D??M"s, std::string(400, 'a'), "\xFF"s}) {
    SessionSecurity security = sealed();
    security.account = account;
    const auto read = parse_status(format_session(security));
    BOOST_REQUIRE(read.has_value());
    BOOST_TEST(read->security.account == account);
  }
}

BOOST_AUTO_TEST_CASE(reads_4096_octets_and_not_one_more) {
  SessionSecurity security = with(Protection::none);
  security.account =
      std::string(4096 - format_session(security).size() - std::string("; account=").size(), 'a');
  BOOST_REQUIRE_EQUAL(format_session(security).size(), 4096U);
  BOOST_TEST(parse_status(format_session(security)).has_value());
  security.account += 'a';
  BOOST_TEST(!parse_status(format_session(security)).has_value());
}

BOOST_AUTO_TEST_CASE(the_session_map_tells_sessions_without_a_seal) {
  BOOST_TEST(format_session(with(Protection::none)) == "none");
  SessionSecurity login = sealed();
  login.protection = Protection::authenticated;
  BOOST_TEST(format_session(login) == R"(authenticated; mech=NTLM; auth=NTLMv2; account="INTELLINET\\DOUG"; )"
                                      "peer=mail.partner.example[192.0.2.7]");
  BOOST_TEST(parse_status(format_session(login)).has_value());
}

BOOST_AUTO_TEST_CASE(reads_a_folded_field) {
  for (const char* fold : {"\n\t", "\r\n\t", "\n ", "\r\n   ", "\t", "  ", ""}) {
    std::string text(kSealed);
    for (std::size_t at = text.find("; "); at != std::string::npos; at = text.find("; ", at + 1))
      text.replace(at + 1, 1, fold);
    BOOST_TEST(parse_status(text).has_value(), text);
    BOOST_TEST(parse_status(" " + text + "\r\n").has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(refuses_everything_else) {
  const std::string cases[] = {
      "",
      " ",
      ";",
      "; by=mx.example.com",
      "secure; by=mx.example.com",
      "Sealed; by=mx.example.com",
      "by=mx.example.com",
      "none;",
      "none; ",
      "none; by=mx.example.com;",
      "none;; by=mx.example.com",
      "none ; by=mx.example.com",
      "none by=mx.example.com",
      "none; by=mx.example.com trailing",
      "none; by=mx.example.com (comment)",
      "none; (comment) by=mx.example.com",
      "none; by =mx.example.com",
      "none; by= mx.example.com",
      "none; BY=mx.example.com",
      "none; by",
      "none; by=",
      "none; by=\"\"",
      "none; by=\"mx.example.com\"",
      "none; by=\"mx.example.com",
      "none; by=mx.example.com\"",
      "none; by=mx.example.com; by=mx.example.com",
      "none; by=mx.example.com; by=other.example",
      "none; by=mx.example.com; peer=a",
      "none; by=m\xC3\xB6x.example",
      "none; by=\"mx example\"",
      "none; colour=red; by=mx.example.com",
      "none; =red; by=mx.example.com",
      "none; mech=; by=mx.example.com",
      "none; mech=A; mech=B; by=mx.example.com",
      "none; mech=\"A; by=mx.example.com",
      "none; mech=\"A\"B; by=mx.example.com",
      "none; mech=A\"B\"; by=mx.example.com",
      "none; mech=\"A\\; by=mx.example.com",
      "none; mech=\"A B\\\"; by=mx.example.com",
      "none; mech=\"A\\ B\"; by=mx.example.com",
      "none; mech=\"A\r\n B\"; by=mx.example.com",
      "none; mech=\"A\tB\"; by=mx.example.com",
      "none; mech=\"A\0B\"; by=mx.example.com"s,
      "none; mech=\"\xC3\x96\"; by=mx.example.com",
      "none; mech=" + std::string(256, 'A') + "; by=mx.example.com",
      "none; auth=NTLMv3; by=mx.example.com",
      "none; auth=ntlmv2; by=mx.example.com",
      "none; cipher=RC4; by=mx.example.com",
      "none; bits=128; by=mx.example.com",
      "authenticated; bits=128; by=mx.example.com",
      "none; reason=x; by=mx.example.com",
      "none; tls-bits=0; by=mx.example.com",
      "none; sealed=1; unsealed=1",
      "unknown; peer=a; reason=x; by=mx.example.com",
      "sealed",
      "sealed; bits=128",
      "sealed; cipher=RC4; bits=128",
      "sealed; cipher=RC4; bits=128; sealed=1",
      "sealed; cipher=RC4; bits=128; unsealed=1",
      "sealed; cipher=RC4; bits=128; unsealed=1; sealed=1",
      "sealed; cipher=RC4; bits=128; sealed=1; unsealed=1; by=mx.example.com",
      "sealed; cipher=RC4; bits=128; sealed=18446744073709551616; unsealed=1",
      "sealed; cipher=RC4; bits=128; sealed=-1; unsealed=1",
      "sealed; bits=128; by=mx.example.com",
      "sealed; cipher=AES; bits=128; by=mx.example.com",
      "sealed; cipher=RC4; bits=0; by=mx.example.com",
      "sealed; cipher=RC4; bits=0128; by=mx.example.com",
      "sealed; cipher=RC4; bits=+128; by=mx.example.com",
      "sealed; cipher=RC4; bits=-128; by=mx.example.com",
      "sealed; cipher=RC4; bits=128x; by=mx.example.com",
      "sealed; cipher=RC4; bits=\"128\"; by=mx.example.com",
      "sealed; cipher=RC4; bits=4294967296; by=mx.example.com",
      "sealed; bits=128; cipher=RC4; by=mx.example.com",
      std::string(4097, 'a'),
      "none; mech=\"" + std::string(1 << 20, '\\'),
  };
  for (const auto& text : cases) BOOST_TEST(!parse_status(text).has_value(), text.substr(0, 200));
}

BOOST_AUTO_TEST_CASE(refuses_a_field_cut_before_the_name_of_its_host) {
  for (std::size_t size = 0; size < kSealed.size(); ++size) {
    const std::string_view cut = kSealed.substr(0, size);
    if (cut.find("by=") != std::string_view::npos && cut.back() != '=') continue;  // a shorter name of a host
    BOOST_TEST(!parse_status(cut).has_value(), cut);
  }
}

BOOST_AUTO_TEST_CASE(the_longest_field_is_read_folded_too) {
  const std::string odd(300, '\\');
  SessionSecurity security = sealed();
  security.mechanism = security.account = security.peer_name = odd;
  security.bits = 4294967295;
  security.tls = session::Tls{odd, odd, 4294967295};
  const Status status{security, std::string(255, 'a'), odd};
  const std::string text = text_of(status);
  BOOST_TEST(parse_status(text).has_value(), text.size());
  BOOST_TEST(parse_status(fold(text, kStatusHeader.size())).has_value());
  security.protection = Protection::unknown;
  security.unknown_reason = odd;
  const std::string longest = fold(text_of(Status{security, std::string(255, 'a'), odd}), 17);
  BOOST_TEST(parse_status(longest).has_value(), longest.size());
}

BOOST_AUTO_TEST_CASE(folds_before_parameters_to_78_octets) {
  const std::string folded = fold(kSealed, kStatusHeader.size());
  BOOST_TEST(folded ==
             "sealed; mech=NTLM; auth=NTLMv2; cipher=RC4; bits=128;\n"
             "\taccount=\"INTELLINET\\\\DOUG\"; peer=mail.partner.example[192.0.2.7];\n"
             "\tby=mx.example.com");
  BOOST_TEST(longest_line(folded, kStatusHeader.size()) <= 78U);
  BOOST_TEST(text_of(parse_status(folded).value()) == kSealed);
}

BOOST_AUTO_TEST_CASE(uses_a_line_to_its_last_octet) {
  const std::string value = "none; mech=" + std::string(47, 'A') + "; by=m";  // 78 with the name and ": "
  BOOST_TEST(longest_line(value.substr(0, value.find("; by") + 1), kStatusHeader.size()) == 78U);
  BOOST_TEST(fold(value, kStatusHeader.size()) == "none; mech=" + std::string(47, 'A') + ";\n\tby=m");
  BOOST_TEST(fold(value, kStatusHeader.size() + 1) == "none;\n\tmech=" + std::string(47, 'A') + "; by=m");
}

BOOST_AUTO_TEST_CASE(does_not_fold_within_quotes) {
  Status status = by_us(with(Protection::none));
  status.would_reject = std::string(60, 'a') + "; " + std::string(60, 'b') + "\"; c";
  const std::string text = text_of(status);
  const std::string folded = fold(text, kStatusHeader.size());
  BOOST_TEST(std::count(folded.begin(), folded.end(), '\n') == 2);
  BOOST_TEST(parse_status(folded).value().would_reject == status.would_reject);
}

BOOST_AUTO_TEST_CASE(writes_no_line_break_of_its_own) {
  for (const auto protection : {Protection::none, Protection::sealed, Protection::unknown}) {
    SessionSecurity security = sealed();
    security.protection = protection;
    security.mechanism = security.account = security.peer_name = security.peer_address = "a\r\n\tb";
    security.tls = session::Tls{"\n", "\r", 0};
    security.unknown_reason = "\r\n";
    const Status status{security, "mx.example.com", "\n\n"};
    for (const std::string& text : {text_of(status), format_session(security)})
      BOOST_TEST(text.find_first_of("\r\n\t") == std::string::npos, text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace smtpseal::status
