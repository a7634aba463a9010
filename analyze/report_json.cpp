#include "report_json.hpp"

#include "messages.hpp"
#include "report_text.hpp"

namespace smtpseal::analyze {

namespace {

using Json = nlohmann::ordered_json;

Json facts_json(const std::vector<Fact>& facts) {
  Json json = Json::object();
  for (const auto& fact : facts) json[fact.name] = fact.value;
  return json;
}

Json login_json(const LoginReport& login) {
  Json json{{"verb", login.verb},
            {"opening", login.opening},
            {"negotiate", facts_json(login.negotiate)},
            {"challenge", facts_json(login.challenge)},
            {"authenticate", facts_json(login.authenticate)},
            {"reply", login.answer},
            {"account", login.account},
            {"other_account", login.is_other_account},
            {"sealed", login.is_sealed},
            {"bits", login.strength}};
  if (login.secret_is_right) json["password_right"] = *login.secret_is_right;
  if (!login.problem.empty()) json["problem"] = login.problem;
  return json;
}

Json lines_json(const std::vector<Line>& lines) {
  Json json = Json::array();
  for (const auto& line : lines) {
    Json item{{"side", line.side == Side::client ? "C" : "S"}, {"text", escaped(line.text)}};
    if (line.hides_secret) item["hidden"] = true;
    json.push_back(std::move(item));
  }
  return json;
}

Json progress_json(const Progress& progress) {
  Json json{
      {"records", progress.records}, {"octets", progress.octets}, {"wire_octets", progress.wire_octets}};
  if (!progress.is_whole()) json["problem"] = progress.problem;
  return json;
}

Json attempt_json(const Attempt& attempt) {
  return {{"framing", session::name(attempt.variant.framing)},
          {"rc4_state", state_name(attempt.variant)},
          {"key", attempt.variant.key},
          {"client", progress_json(attempt.progress[0])},
          {"server", progress_json(attempt.progress[1])},
          {"all", attempt.is_whole()}};
}

}  // namespace

Json to_json(const SessionReport& report) {
  Json json{{"client", report.client},      {"server", report.server},    {"began", report.began},
            {"opened", report.is_opened()}, {"verdict", verdict(report)}, {"notes", report.notes}};
  json["logins"] = Json::array();
  for (const auto& login : report.logins) json["logins"].push_back(login_json(login));
  json["clear"] = lines_json(report.clear);
  json["unsealed"] = lines_json(report.unsealed);
  json["variants"] = Json::array();
  for (const auto& each : report.attempts) json["variants"].push_back(attempt_json(each));
  return json;
}

}  // namespace smtpseal::analyze
