#include "policyd.hpp"

int main(int argc, char** argv) {
  using namespace smtpseal;
  const daemon::DaemonInfo info{
      "smtpseal-policyd", "policyd",
      "Routes mail for listed domains to smtpseal-relay, and says what may arrive how (socketmap and policy "
      "server for Postfix).",
      [](daemon::asio::io_context& io, const config::Values& values) -> std::unique_ptr<daemon::Service> {
        return std::make_unique<policyd::Policyd>(io, values, daemon::make_engine());
      },
      [](const config::Values& values) {
        daemon::check_policy(values, daemon::Tables::bindings);
        daemon::asio::io_context io;
        policyd::Policyd(io, values, daemon::make_engine());
      }};
  return daemon::run_daemon(info, argc, argv);
}
