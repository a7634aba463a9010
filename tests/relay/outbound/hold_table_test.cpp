#include "outbound/hold_table.hpp"

#include "holds_fixture.hpp"

using namespace smtpseal;
using namespace smtpseal::relay;
using namespace smtpseal::relay::test;
using holds::Kind;

namespace {

constexpr holds::Time kNow = 1764528000;
constexpr holds::Time kHold = 3600;
constexpr holds::Time kRetry = 300;
constexpr const char* kAccount = "PARTNER\\user";

// A process with a table, whose credentials are `text`.
struct Process {
  explicit Process(const std::string& text = "PARTNER\\user Password\n") : tables(credentials(text)) {
    table.adopt(tables, kNow);
  }
  // The process that is started after `other` has ended in whatever way.
  Process(const Process& other, const std::string& text, holds::Time now) : tables(credentials(text)) {
    table.restore(*holds::parse_holds(holds::format_holds(other.table.stored())), now);
    ended = table.adopt(tables, now);
  }
  HoldTable::Login login(const std::string& account = kAccount) const {
    return {*tables.find(account), "mx[192.0.2.10]", "domains:3"};
  }
  void fail(holds::Time now) {
    BOOST_REQUIRE(table.find(kAccount, now) == nullptr);
    BOOST_TEST(table.begin(login(), now));
    table.fail(login(), Kind::unanswered, "454 later", now);
  }

  policy::Credentials tables;
  HoldTable table{engine(), {kHold, kRetry}};
  std::vector<std::string> ended;
};

const std::string kSame = "partner\\USER Password\n";
const std::string kOther = "PARTNER\\user another\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(hold_table)

BOOST_AUTO_TEST_CASE(a_refused_account_is_held_for_hold_time) {
  Process process;
  BOOST_TEST(process.table.begin(process.login(), kNow));
  const auto& hold = process.table.fail(process.login(), Kind::refused, "535 \x1b no", kNow);
  BOOST_TEST((hold == holds::Hold{kAccount, Kind::refused, kNow, kNow + kHold, 1, "mx[192.0.2.10]",
                                  "domains:3", "535 ? no"}));
  BOOST_TEST(process.table.find("partner\\USER", kNow + kHold - 1) != nullptr);
  BOOST_TEST(process.table.find(kAccount, kNow + kHold) == nullptr);
  BOOST_TEST(process.table.find("PARTNER\\other", kNow) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_hold_survives_a_restart) {
  Process first;
  first.table.fail(first.login(), Kind::refused, "535 no", kNow);
  Process second(first, kSame, kNow + 10);
  BOOST_TEST(second.ended.empty());
  BOOST_REQUIRE(second.table.find(kAccount, kNow + 10) != nullptr);
  BOOST_TEST(second.table.find(kAccount, kNow + 10)->until == kNow + kHold);
  // And the next one, the mark of the secret being still there.
  Process third(second, kOther, kNow + 20);
  BOOST_TEST(third.ended == std::vector<std::string>{kAccount}, boost::test_tools::per_element());
  BOOST_TEST(third.table.find(kAccount, kNow + 20) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_changed_secret_ends_a_hold_and_a_reload_alone_does_not) {
  Process process;
  process.table.fail(process.login(), Kind::refused, "535 no", kNow);
  const auto lm_added =
      credentials("PARTNER\\user {NT}a4f49c406510bdcab6824ee7c30fd852{LM}e52cac67419a9a224a3b108f3fa6cb6d\n");
  BOOST_TEST(process.table.adopt(credentials(kSame), kNow).empty());
  BOOST_TEST(process.table.adopt(lm_added, kNow).empty());
  BOOST_TEST(process.table.find(kAccount, kNow) != nullptr);
  BOOST_TEST(process.table.adopt(credentials(""), kNow).empty());
  BOOST_TEST(process.table.find(kAccount, kNow) != nullptr);
  BOOST_TEST(process.table.adopt(credentials(kOther), kNow).size() == 1U);
  BOOST_TEST(process.table.find(kAccount, kNow) == nullptr);
  BOOST_TEST(process.table.stored().empty());
}

BOOST_AUTO_TEST_CASE(what_is_over_is_forgotten_with_its_account) {
  Process process;
  process.table.fail(process.login(), Kind::refused, "535 no", kNow);
  BOOST_TEST(process.table.adopt(credentials(""), kNow + kHold).empty());
  BOOST_TEST(process.table.stored().empty());
}

BOOST_AUTO_TEST_CASE(an_old_secret_is_not_tried_after_a_reload) {
  Process process;
  const auto& old = *process.tables.find(kAccount);
  BOOST_TEST(!process.table.is_outdated(old));
  process.table.adopt(credentials(kOther), kNow);
  BOOST_TEST(process.table.is_outdated(old));
  process.table.adopt(credentials(""), kNow);
  BOOST_TEST(process.table.is_outdated(old));
}

BOOST_AUTO_TEST_CASE(the_back_off_doubles_up_to_hold_time) {
  Process process;
  holds::Time now = kNow;
  for (const holds::Time wait : {300, 900, 1200, 2400, 3600, 3600}) {
    process.fail(now);
    BOOST_REQUIRE(process.table.find(kAccount, now + wait - 1) != nullptr);
    BOOST_TEST(process.table.find(kAccount, now + wait) == nullptr);
    now += wait;
  }
}

// Accounts are locked after five failed logins in half an hour, or more.
BOOST_AUTO_TEST_CASE(no_setting_makes_five_failed_logins_in_half_an_hour) {
  for (const HoldTable::Limits limits :
       {HoldTable::Limits{1, 1}, {600, 1}, {1, 600}, {604800, 1}, {3600, 300}}) {
    for (const Kind kind : {Kind::refused, Kind::unanswered}) {
      const Process process;
      HoldTable table(engine(), limits);
      std::vector<holds::Time> tries;
      for (holds::Time now = kNow; now < kNow + 4 * 3600; ++now) {
        if (table.find(kAccount, now) != nullptr) continue;
        BOOST_TEST(table.begin(process.login(), now));
        table.fail(process.login(), kind, "no", now);
        tries.push_back(now);
      }
      for (std::size_t i = 4; i < tries.size(); ++i) BOOST_TEST(tries[i] - tries[i - 4] > 1800);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_success_resets_the_back_off) {
  Process process;
  process.fail(kNow);
  process.fail(kNow + 300);
  BOOST_TEST(process.table.begin(process.login(), kNow + 1000));
  BOOST_TEST(process.table.succeed(process.login()));
  BOOST_TEST(process.table.stored().empty());
  BOOST_TEST(process.table.fail(process.login(), Kind::unanswered, "454", kNow + 2000).until == kNow + 2300);
}

BOOST_AUTO_TEST_CASE(a_changed_secret_resets_the_back_off) {
  Process process;
  process.fail(kNow);
  process.fail(kNow + 300);
  const auto other = credentials(kOther);
  process.table.adopt(other, kNow + 400);
  const HoldTable::Login login{*other.find(kAccount), "mx", "domains:3"};
  BOOST_TEST(process.table.find(kAccount, kNow + 400) == nullptr);
  BOOST_TEST(process.table.fail(login, Kind::unanswered, "454", kNow + 400).failures == 1U);
}

BOOST_AUTO_TEST_CASE(the_back_off_goes_on_after_a_restart) {
  Process first;
  first.fail(kNow);
  Process second(first, kSame, kNow + 10);
  BOOST_TEST(second.table.find(kAccount, kNow + 299) != nullptr);
  second.fail(kNow + 300);
  BOOST_TEST(second.table.find(kAccount, kNow + 899) != nullptr);
}

BOOST_AUTO_TEST_CASE(a_crash_loop_in_the_middle_of_a_login_backs_off) {
  auto process = std::make_unique<Process>();
  holds::Time now = kNow;
  int attempts = 0;
  // For a day there is always mail, and the process is killed between each credential and its verdict.
  for (; now < kNow + 86400; now += 10) {
    if (process->table.find(kAccount, now) != nullptr) continue;
    ++attempts;
    BOOST_TEST(process->table.begin(process->login(), now));
    process = std::make_unique<Process>(*process, kSame, now + 5);
  }
  BOOST_TEST(attempts <= 5 + 24);
  const auto kept = process->table.stored();
  BOOST_REQUIRE(kept.size() == 1U);
  BOOST_TEST(kept.front().secret.has_value());
}

BOOST_AUTO_TEST_CASE(a_proven_secret_is_not_written_down_again) {
  Process process;
  BOOST_TEST(process.table.begin(process.login(), kNow));
  BOOST_TEST(process.table.succeed(process.login()));
  BOOST_TEST(!process.table.begin(process.login(), kNow));
  BOOST_TEST(!process.table.succeed(process.login()));
  // Doubt comes back with whatever is not a success.
  process.table.fail(process.login(), Kind::unanswered, "454", kNow);
  BOOST_TEST(process.table.begin(process.login(), kNow + 300));
}

BOOST_AUTO_TEST_CASE(a_login_under_way_is_no_hold) {
  Process process;
  BOOST_TEST(process.table.begin(process.login(), kNow));
  BOOST_TEST(process.table.find(kAccount, kNow) == nullptr);
  BOOST_TEST(process.table.list(kNow).empty());
  BOOST_TEST(!process.table.lift(kAccount, kNow));
  BOOST_TEST(process.table.stored().size() == 1U);
}

BOOST_AUTO_TEST_CASE(lifting_forgets_everything_against_the_account) {
  Process process;
  process.fail(kNow);
  process.fail(kNow + 300);
  BOOST_TEST(!process.table.lift("PARTNER\\other", kNow + 300));
  BOOST_TEST(process.table.lift("partner\\user", kNow + 300));
  BOOST_TEST(process.table.stored().empty());
  BOOST_TEST(process.table.fail(process.login(), Kind::unanswered, "454", kNow + 400).failures == 1U);
}

BOOST_AUTO_TEST_CASE(one_secret_keeps_one_mark) {
  Process process;
  process.fail(kNow);
  const auto mark = process.table.stored().front().secret;
  process.fail(kNow + 300);
  process.table.fail(process.login(), Kind::refused, "535", kNow + 2000);
  BOOST_TEST((process.table.stored().front().secret == mark));
}

BOOST_AUTO_TEST_CASE(a_clock_that_was_wrong_holds_nothing_for_ever) {
  Process first;
  first.table.fail(first.login(), Kind::refused, "535 no", kNow + 1000000);
  const Process second(first, kSame, kNow);
  BOOST_REQUIRE(second.table.find(kAccount, kNow) != nullptr);
  BOOST_TEST(second.table.find(kAccount, kNow)->since == kNow);
  BOOST_TEST(second.table.find(kAccount, kNow + kHold) == nullptr);
}

BOOST_AUTO_TEST_CASE(the_latest_hold_is_listed_first) {
  Process process("a 1\nb 2\nc 3\n");
  process.table.fail(process.login("a"), Kind::refused, "535", kNow + 1);
  process.table.fail(process.login("b"), Kind::refused, "535", kNow + 3);
  process.table.fail(process.login("c"), Kind::refused, "535", kNow + 2);
  std::string order;
  for (const auto& hold : process.table.list(kNow + 4)) order += hold.account;
  BOOST_TEST(order == "bca");
}

BOOST_AUTO_TEST_SUITE_END()
