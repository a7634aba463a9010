#include "milter.hpp"

int main(int argc, char** argv) {
  using namespace smtpseal;
  const auto make = [](daemon::asio::io_context& io, const config::Values& values) {
    return std::make_unique<milter::Milter>(io, values, daemon::make_engine());
  };
  const daemon::DaemonInfo info{"smtpseal-milter", "milter",
                                "Refuses mail that must arrive protected and did not, and writes into every "
                                "message how its session was protected (libmilter filter).",
                                make, [make](const config::Values& values) {
                                  daemon::check_policy(values, daemon::Tables::bindings);
                                  daemon::asio::io_context io;
                                  make(io, values);
                                }};
  return daemon::run_daemon(info, argc, argv);
}
