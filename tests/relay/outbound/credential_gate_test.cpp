#include "outbound/credential_gate.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fstream>

#include "holds_fixture.hpp"
#include "outbound/hold_control.hpp"

using namespace smtpseal;
using namespace smtpseal::relay;
using namespace smtpseal::relay::test;
using Gate = CredentialGate;
using Why = Gate::Denial::Why;
using postfix::SocketmapStatus;

namespace {

constexpr holds::Time kNow = 1764528000;

// A relay as far as its gate goes. Objects that follow each other with one directory are its restarts.
class Fixture {
 public:
  explicit Fixture(const std::string& directory, const std::string& text = "PARTNER\\user Password\n")
      : tables(credentials(text)),
        gate(io, engine(), {daemon::Seconds(3600), daemon::Seconds(300), directory}, [this] { return now; }) {
    gate.prepare("");
    gate.open();
    gate.adopt(tables);
  }
  const policy::Credential& credential() const { return tables.entries().front(); }

  // One login, or the reason why there is none.
  std::optional<Gate::Denial> attempt(const std::function<void(Gate::Ticket&)>& outcome) {
    std::optional<Gate::Denial> denial;
    const auto run = [&]() -> daemon::Task<> {
      auto admission = co_await gate.enter(credential(), "mx[192.0.2.10]", "domains:3");
      denial = admission.denial;
      if (admission.ticket) outcome(*admission.ticket);
    };
    daemon::asio::co_spawn(io, run(), daemon::asio::detached);
    io.restart();
    io.run();
    return denial;
  }

  daemon::asio::io_context io;
  policy::Credentials tables;
  holds::Time now = kNow;
  Gate gate;
};

void refuse(Gate::Ticket& ticket) {
  ticket.refused("535 5.7.3 no");
}

void never(Gate::Ticket&) {
  BOOST_ERROR("a login was let through");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(credential_gate)

BOOST_AUTO_TEST_CASE(a_refusal_is_kept_before_it_is_reported) {
  const TemporaryDirectory directory;
  Fixture relay(directory.path(""));
  BOOST_TEST(!relay.attempt([&](Gate::Ticket& ticket) {
    ticket.refused("535 5.7.3 no");
    // As it would be found after a crash at this moment.
    Fixture restarted(directory.path(""));
    const auto denial = restarted.attempt(never);
    BOOST_REQUIRE(denial);
    BOOST_TEST((denial->why == Why::refused));
  }));
  const auto denial = relay.attempt(never);
  BOOST_REQUIRE(denial);
  BOOST_TEST(denial->left.count() == 3600);
  for (const char* part :
       {"PARTNER\\user", "on hold", "mx[192.0.2.10]", "535 5.7.3 no", "2025-11-30T19:40:00Z"})
    BOOST_TEST(denial->text.find(part) != std::string::npos, denial->text);
  relay.now += 3600;
  BOOST_TEST(!relay.attempt(refuse));
}

BOOST_AUTO_TEST_CASE(a_crash_in_the_middle_of_a_login_backs_off) {
  const TemporaryDirectory directory;
  Fixture relay(directory.path(""));
  relay.attempt([&](Gate::Ticket& ticket) {
    Fixture restarted(directory.path(""));
    const auto denial = restarted.attempt(never);
    BOOST_REQUIRE(denial);
    BOOST_TEST((denial->why == Why::unanswered));
    BOOST_TEST(denial->left.count() == 300);
    ticket.succeeded();
  });
}

BOOST_AUTO_TEST_CASE(a_ticket_without_an_outcome_backs_off) {
  Fixture relay("");
  BOOST_TEST(!relay.attempt([](Gate::Ticket&) {}));
  const auto denial = relay.attempt(never);
  BOOST_REQUIRE(denial);
  BOOST_TEST((denial->why == Why::unanswered));
}

BOOST_AUTO_TEST_CASE(a_success_leaves_nothing_behind) {
  const TemporaryDirectory directory;
  Fixture relay(directory.path(""));
  for (int i = 0; i < 2; ++i) BOOST_TEST(!relay.attempt([](Gate::Ticket& ticket) { ticket.succeeded(); }));
  const auto content = holds::HoldFile(directory.path("")).read();
  BOOST_REQUIRE(content.holds);
  BOOST_TEST(content.holds->empty());
}

BOOST_AUTO_TEST_CASE(those_who_wait_learn_of_the_refusal) {
  Fixture relay("");
  int tickets = 0;
  int denials = 0;
  const auto run = [&]() -> daemon::Task<> {
    auto admission = co_await relay.gate.enter(relay.credential(), "mx[192.0.2.10]", "domains:3");
    if (!admission.ticket) {
      ++denials;
      co_return;
    }
    ++tickets;
    co_await daemon::sleep_for(std::chrono::milliseconds(10));
    admission.ticket->refused("535");
  };
  for (int i = 0; i < 20; ++i) daemon::asio::co_spawn(relay.io, run(), daemon::asio::detached);
  relay.io.run();
  BOOST_TEST(tickets == 1);
  BOOST_TEST(denials == 19);
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_old_secret_does_not_hold_the_new_one) {
  Fixture relay("");
  const auto changed = credentials("PARTNER\\user another\n");
  relay.attempt([&](Gate::Ticket& ticket) {
    relay.gate.adopt(changed);
    ticket.refused("535");
  });
  BOOST_TEST(!relay.gate.held(changed.entries().front()));
  const auto denial = relay.attempt(never);
  BOOST_REQUIRE(denial);
  BOOST_TEST((denial->why == Why::outdated));
}

BOOST_AUTO_TEST_CASE(lifting_lets_the_next_login_through_here_and_after_a_restart) {
  const TemporaryDirectory directory;
  Fixture relay(directory.path(""));
  relay.attempt(refuse);
  BOOST_TEST((hold_answer(relay.gate, {"lift", "PARTNER\\other"}).status == SocketmapStatus::notfound));
  BOOST_TEST((hold_answer(relay.gate, {"lift", "partner\\user"}).status == SocketmapStatus::ok));
  BOOST_TEST((hold_answer(relay.gate, {"lift", "partner\\user"}).status == SocketmapStatus::notfound));
  BOOST_TEST(!relay.gate.held(relay.credential()));
  Fixture restarted(directory.path(""));
  BOOST_TEST(!restarted.gate.held(restarted.credential()));
}

BOOST_AUTO_TEST_CASE(the_control_socket_lists_holds) {
  Fixture relay("");
  BOOST_TEST(hold_answer(relay.gate, {"holds", "*"}).text == "total=0");
  relay.attempt(refuse);
  const auto answer = hold_answer(relay.gate, {"holds", "*"});
  BOOST_TEST((answer.status == SocketmapStatus::ok));
  const auto list = holds::parse_list(answer.text);
  BOOST_REQUIRE(list);
  BOOST_REQUIRE(list->holds.size() == 1U);
  BOOST_TEST(list->holds.front().reason == "535 5.7.3 no");
  for (const auto& [map, key] : {std::pair("holds", ""), {"holds", "x"}, {"session", "*"}})
    BOOST_TEST((hold_answer(relay.gate, {map, key}).status == SocketmapStatus::perm), map << key);
}

BOOST_AUTO_TEST_CASE(a_state_that_cannot_be_used_stops_nothing) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path("") + "/holds") << "smtpseal-holds 1\nnonsense\n";
  Fixture damaged(directory.path(""));
  BOOST_TEST(!damaged.attempt(refuse));
  BOOST_TEST(damaged.attempt(never).has_value());
  Fixture repaired(directory.path(""));
  BOOST_TEST(repaired.attempt(never).has_value());

  Fixture nowhere("/nonexistent/state");
  BOOST_TEST(!nowhere.attempt(refuse));
  BOOST_TEST(nowhere.attempt(never).has_value());
  BOOST_TEST((nowhere.gate.lift("PARTNER\\user") == Gate::Lifted::in_memory_only));
}

BOOST_AUTO_TEST_SUITE_END()
