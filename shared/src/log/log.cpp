#include "smtpseal/log/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include <cstdio>

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

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" =\"\\") != std::string_view::npos;
}

}  // namespace

void open(const std::string& program, Level least, const std::string& target) {
  std::shared_ptr<spdlog::logger> logger;
  if (target == "syslog") {
    logger = std::make_shared<spdlog::logger>(
        program, std::make_shared<spdlog::sinks::syslog_sink_mt>(program, LOG_PID, LOG_MAIL, false));
    logger->set_pattern("%v");
  } else {
    logger = std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %n[%P]: %l: %v");
  }
  logger->set_level(to_spdlog(least));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
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

Line::Line(Level level, std::string_view event)
    : level_(level), wanted_(spdlog::default_logger_raw()->should_log(to_spdlog(level))) {
  if (wanted_) text_ = event;
}

Line::~Line() {
  if (wanted_) spdlog::default_logger_raw()->log(to_spdlog(level_), spdlog::string_view_t(text_));
}

Line& Line::field(std::string_view key, std::string_view value) {
  if (!wanted_) return *this;
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
  text_ += ' ';
  text_ += key;
  text_ += '=';
  text_ += std::to_string(value);
  return *this;
}

}  // namespace smtpseal::log
