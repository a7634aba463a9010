#include "relay.hpp"

int main(int argc, char** argv) {
  using namespace smtpseal;
  const auto make = [](daemon::asio::io_context& io, const config::Values& values) {
    return std::make_unique<relay::Relay>(io, values, daemon::make_engine());
  };
  const daemon::DaemonInfo info{"smtpseal-relay", "relay",
                                "Carries SMTP sessions that NTLM authenticates and seals, for Postfix.", make,
                                [make](const config::Values& values) {
                                  daemon::check_policy(values, daemon::Tables::all);
                                  daemon::asio::io_context io;
                                  make(io, values)->load_certificates();
                                }};
  return daemon::run_daemon(info, argc, argv);
}
