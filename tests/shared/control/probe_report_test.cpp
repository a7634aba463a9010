// What the relay tells of a probe survives its way, and nothing else is taken for it.
#include "smtpseal/control/probe_report.hpp"

#include <boost/test/unit_test.hpp>

using namespace smtpseal::control;
using namespace std::string_literals;

namespace {

ProbeReport sample() {
  return {.domain = "partner.example",
          .rule = "/etc/smtpseal/domains:3",
          .stands = true,
          .verdict = "sealed with 128 bit",
          .mend = "",
          .steps = {{"connect", true, 12, "mx [192.0.2.1]:25"},
                    {"login", false, 3, "535 \x1b[2J \t\r\n\0 \xc3\xa4 +=\\"s}}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(control_probe_report)

BOOST_AUTO_TEST_CASE(a_report_comes_back_as_it_went) {
  const auto text = format_probe(sample());
  BOOST_TEST(text.find('\n') == std::string::npos);
  const auto back = parse_probe(text);
  BOOST_REQUIRE(back.has_value());
  BOOST_CHECK(*back == sample());
  BOOST_CHECK(parse_probe(format_probe({})).value() == ProbeReport{});
}

BOOST_AUTO_TEST_CASE(long_reports_are_cut) {
  ProbeReport report = sample();
  report.verdict = std::string(5000, '+');
  report.steps.assign(200, {"connect", false, 1, std::string(5000, '\n')});
  const auto text = format_probe(report);
  BOOST_TEST(text.size() < 200000U);
  const auto back = parse_probe(text).value();
  BOOST_TEST(back.verdict.size() == kMaxProbeText);
  BOOST_TEST(back.steps.size() == kMaxProbeSteps);
}

BOOST_AUTO_TEST_CASE(damaged_reports_are_refused) {
  const auto text = format_probe(sample());
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto back = parse_probe(std::string_view(text).substr(0, size));
    BOOST_TEST((!back || !(*back == sample())));
  }
  for (const std::string& bad : {text + " ", text + "\t", " " + text, text + "\tstep=a ok=maybe ms=1 detail=",
                                 text + "\tstep=a ok=yes ms=-1 detail=", std::string("domain=a")})
    BOOST_TEST(!parse_probe(bad).has_value());
}

BOOST_AUTO_TEST_CASE(requests_are_bounded) {
  const auto request = parse_probe_request(format_probe_request({"partner.example", 60}));
  BOOST_TEST(request->domain == "partner.example");
  BOOST_TEST(request->seconds == 60U);
  for (const char* bad :
       {"", "60", "60 ", "0 a.example", "601 a.example", "-1 a.example", "a.example 60", " a"})
    BOOST_TEST(!parse_probe_request(bad).has_value());
}

BOOST_AUTO_TEST_CASE(controls_are_made_visible) {
  BOOST_TEST(visible("PARTNER\\a \x1b[2J\x7f\xc3") == "PARTNER\\a \\x1b[2J\\x7f\\xc3");
}

BOOST_AUTO_TEST_SUITE_END()
