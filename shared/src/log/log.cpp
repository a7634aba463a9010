#include "smtpseal/log/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace smtpseal::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      break;
  }
  return spdlog::level::err;
}

constexpr const char* kJournal = "/run/systemd/journal/socket";

// ,"program":"smtpseal-relay","pid":7 of every line in JSON; empty: lines are text. Set before threads begin.
std::string head;

bool is_json() {
  return !head.empty();
}

std::string json_head(const std::string& program) {
  return json_field("program", program) + ",\"pid\":" + std::to_string(::getpid());
}

// Null where the target cannot be written to.
std::shared_ptr<spdlog::sinks::sink> make_sink(const Settings& settings) {
  if (settings.target == "syslog")
    return std::make_shared<spdlog::sinks::syslog_sink_mt>(settings.program, LOG_PID, LOG_MAIL, false);
  if (settings.target != "journal") return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  if (::access(kJournal, F_OK) != 0) return nullptr;
  return std::make_shared<spdlog::sinks::systemd_sink_mt>(settings.program);
}

// RFC 3339, UTC, milliseconds.
std::string time_text() {
  const auto now = std::chrono::system_clock::now();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto fraction = std::chrono::floor<std::chrono::milliseconds>(now - seconds).count();
  const std::time_t time = std::chrono::system_clock::to_time_t(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%03dZ", static_cast<int>(fraction));
  return text;
}

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      break;
  }
  return "error";
}

std::string json_string(std::string_view text) {
  // What is no UTF-8 becomes U+FFFD.
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" =\"\\") != std::string_view::npos;
}

}  // namespace

std::string open(const Settings& settings) {
  const auto sink = make_sink(settings);
  if (!sink) return std::string("nobody listens at ") + kJournal;
  auto logger = std::make_shared<spdlog::logger>(settings.program, sink);
  head = settings.format == "json" ? json_head(settings.program) : std::string();
  const bool is_bare = settings.target != "stderr" || !head.empty();
  logger->set_pattern(is_bare ? "%v" : "%Y-%m-%dT%H:%M:%S.%e %n[%P]: %l: %v");
  logger->set_level(to_spdlog(settings.least));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
  return {};
}

Level level_from(std::string_view name) {
  if (name == "debug") return Level::debug;
  if (name == "warning") return Level::warning;
  return name == "error" ? Level::error : Level::info;
}

std::string printable(std::string_view text) {
  std::string out;
  const bool cut = text.size() > kMaxFieldOctets;
  for (const char c : text.substr(0, kMaxFieldOctets)) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x20 && octet != 0x7f) {
      out += c;
    } else {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", octet);
      out += escaped;
    }
  }
  return cut ? out + "..." : out;
}

std::string json_field(std::string_view key, std::string_view value) {
  std::string shown(value.substr(0, kMaxFieldOctets));
  if (value.size() > kMaxFieldOctets) shown += "...";
  return "," + json_string(key) + ":" + json_string(shown);
}

Line::Line(Level level, std::string_view event)
    : level_(level), wanted_(spdlog::default_logger_raw()->should_log(to_spdlog(level))) {
  if (!wanted_) return;
  if (is_json())
    text_ = "{\"time\":" + json_string(time_text()) + json_field("level", name(level)) + head +
            json_field("event", event);
  else
    text_ = event;
}

Line::~Line() {
  if (!wanted_) return;
  if (is_json()) text_ += '}';
  spdlog::default_logger_raw()->log(to_spdlog(level_), spdlog::string_view_t(text_));
}

Line& Line::field(std::string_view key, std::string_view value) {
  if (!wanted_) return *this;
  if (is_json()) {
    text_ += json_field(key, value);
    return *this;
  }
  text_ += ' ';
  text_ += key;
  text_ += '=';
  if (!needs_quotes(value)) {
    text_ += printable(value);
    return *this;
  }
  text_ += '"';
  for (const char c : printable(value)) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
  return *this;
}

Line& Line::field(std::string_view key, std::uint64_t value) {
  if (!wanted_) return *this;
  if (is_json())
    text_ += "," + json_string(key) + ":";
  else
    text_.append(" ").append(key).append("=");
  text_ += std::to_string(value);
  return *this;
}

}  // namespace smtpseal::log
