#include "control.hpp"

#include "printable.hpp"
#include "smtpseal/daemon/daemon.hpp"
#include "smtpseal/daemon/socketmap_query.hpp"

namespace smtpseal::cli {
namespace {

using postfix::SocketmapReply;
using postfix::SocketmapStatus;

const std::string& control_endpoint(Context& context, const std::string& daemon) {
  const std::string parameter = daemon + ".control_listen";
  const auto& names = context.values().list(parameter);
  if (names.empty()) throw Failure(parameter + " is empty, so that smtpseal-" + daemon + " cannot be asked");
  return names.front();
}

std::string or_as_user(Context& context) {
  const auto& user = context.values().text("process.user");
  return user.empty() ? "" : " or as " + user;
}

daemon::Endpoint parse(const std::string& name) {
  try {
    return daemon::parse_endpoint(name);
  } catch (const daemon::StartupError& error) {
    throw Failure(error.what());
  }
}

}  // namespace

std::optional<SocketmapReply> ask_daemon(Context& context, const std::string& daemon, const std::string& map,
                                         const std::string& key, std::chrono::seconds time) {
  using boost::system::errc::errc_t;
  const auto& name = control_endpoint(context, daemon);
  daemon::SocketmapQuery query(parse(name));
  auto reply = query.ask({map, key}, time);
  if (reply) {
    if (reply->status != SocketmapStatus::ok) reply->text = printable(reply->text);
    return std::move(*reply);
  }
  const auto error = reply.error();
  if (error == errc_t::no_such_file_or_directory || error == errc_t::connection_refused) return std::nullopt;
  if (error == errc_t::permission_denied)
    throw Failure(name + ": permission denied; run it as root" + or_as_user(context));
  throw Failure("smtpseal-" + daemon + " does not answer at " + name + ": " + error.message());
}

std::optional<SocketmapReply> ask_relay(Context& context, const std::string& map, const std::string& key,
                                        std::chrono::seconds time) {
  auto reply = ask_daemon(context, "relay", map, key, time);
  if (reply && (reply->status == SocketmapStatus::temp || reply->status == SocketmapStatus::perm))
    throw Failure("smtpseal-relay refuses to answer: " + reply->text);
  return reply;
}

std::string not_running(Context& context, const std::string& daemon) {
  return "smtpseal-" + daemon + " does not run (nothing answers at " + control_endpoint(context, daemon) +
         ")";
}

}  // namespace smtpseal::cli
