#include "reload.hpp"

#include "control.hpp"
#include "printable.hpp"

namespace smtpseal::cli {
namespace {

using Kind = ReloadResult::Kind;

ReloadResult reload_one(Context& context, const std::string& daemon) {
  try {
    auto reply = ask_daemon(context, daemon, "reload");
    if (!reply) return {daemon, Kind::not_running, "does not run"};
    const bool is_done = reply->status == postfix::SocketmapStatus::ok;
    return {daemon, is_done ? Kind::reloaded : Kind::refused, printable(reply->text)};
  } catch (const Failure& failure) {
    return {daemon, Kind::refused, failure.what()};
  }
}

}  // namespace

std::vector<ReloadResult> reload_daemons(Context& context) {
  std::vector<ReloadResult> results;
  for (const char* daemon : kDaemons)
    if (!context.values().list(std::string(daemon) + ".control_listen").empty())
      results.push_back(reload_one(context, daemon));
  return results;
}

}  // namespace smtpseal::cli
