#include <limits.h>
#include <unistd.h>

#include <array>
#include <boost/algorithm/string/predicate.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "commands.hpp"
#include "json_output.hpp"
#include "message_header.hpp"
#include "output.hpp"
#include "printable.hpp"
#include "session_words.hpp"
#include "smtpseal/status/authentication_results.hpp"
#include "smtpseal/status/status_header.hpp"

namespace smtpseal::cli {
namespace {

using boost::algorithm::iequals;

struct Options {
  std::string file;
  bool as_json = false;
};

// One field that says something of a session.
struct Statement {
  enum class Kind { status, results, received };
  Kind kind;
  const HeaderField* field;
  std::string by;                        // the host that it names as its writer
  bool is_ours = false;                  // that is this host
  std::optional<status::Status> status;  // of Kind::status; nullopt: no smtpseal writes that
};

struct Explanation {
  std::string host;  // this host's name in these fields
  MessageHeader header;
  std::vector<Statement> statements;
};

std::string own_name(Context& context) {
  const auto& given = context.values().text("milter.authserv_id");
  if (!given.empty()) return given;
  std::array<char, HOST_NAME_MAX + 1> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

constexpr std::string_view kRelayMark = " (smtpseal-relay) with LMTP id ";

// "from A by HOST (smtpseal-relay) with ..."
std::string relay_of(const std::string& received) {
  const auto mark = received.find(kRelayMark);
  const auto by = received.rfind(" by ", mark);
  return by == std::string::npos ? std::string() : received.substr(by + 4, mark - by - 4);
}

std::optional<Statement> statement(const HeaderField& field, const std::string& host) {
  Statement found{Statement::Kind::received, &field, {}, false, {}};
  if (iequals(field.name, status::kStatusHeader)) {
    found.kind = Statement::Kind::status;
    found.status = status::parse_status(field.value);
    if (found.status) found.by = found.status->by;
  } else if (iequals(field.name, status::kResultsHeader)) {
    found.kind = Statement::Kind::results;
    found.by = status::authserv_id_of(field.value).value_or("");
  } else if (iequals(field.name, "Received") && field.value.find(kRelayMark) != std::string::npos) {
    found.by = relay_of(field.value);
  } else {
    return std::nullopt;
  }
  found.is_ours =
      found.kind != Statement::Kind::received && !found.by.empty() && status::is_same_host(found.by, host);
  return found;
}

std::string unfolded(const Statement& statement) {
  const auto text = printable(statement.field->value);
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

std::string writer(const Statement& statement, const Explanation& explanation) {
  if (statement.by.empty()) return "of no host that can be told: worth nothing";
  if (statement.is_ours) return "of this host, " + printable(statement.by);
  if (statement.kind == Statement::Kind::received) return "of the relay of " + printable(statement.by);
  return "of " + printable(statement.by) + ", not of this host (" + explanation.host + "): hearsay";
}

void print_status(const status::Status& status) {
  const auto& security = status.security;
  Facts facts;
  facts.add("    " + std::string(name(security.protection)), printable(session_meaning(security)));
  if (const auto weak = session_weakness(security); !weak.empty()) facts.add("    weak", weak);
  if (!session_peer(security).empty()) facts.add("    from", printable(session_peer(security)));
  if (!status.would_reject.empty())
    facts.add("    would-reject",
              "without mode=report it would have been refused: " + printable(status.would_reject));
  facts.print(std::cout);
}

void print_statement(const Statement& statement, const Explanation& explanation) {
  const auto title =
      "line " + std::to_string(statement.field->line) + ": " + printable(statement.field->name);
  std::cout << toned(std::cout, statement.is_ours ? Tone::good : Tone::strong, title) << ' '
            << writer(statement, explanation) << '\n';
  if (statement.status) return print_status(*statement.status);
  if (statement.kind == Statement::Kind::status)
    std::cout << "    no smtpseal writes this: somebody made it up or changed it\n";
  std::cout << "    " << unfolded(statement) << '\n';
}

const Statement* own_status(const Explanation& explanation) {
  for (const auto& each : explanation.statements) {
    if (each.is_ours && each.status) return &each;
  }
  return nullptr;
}

std::string conclusion(const Explanation& explanation) {
  if (explanation.statements.empty()) return "No field says how the message was protected.";
  if (own_status(explanation) == nullptr)
    return "No X-SmtpSeal-Status is of this host (" + explanation.host +
           "): how the message came in is not known. What other hosts say cannot be checked.";
  return "Only what this host says counts, and only where the message came in by its smtpseal-milter, which "
         "removes what others write under its name.";
}

void print(const Explanation& explanation) {
  for (const auto& each : explanation.statements) print_statement(each, explanation);
  print_warnings(std::cout, explanation.header.malformed);
  std::cout << conclusion(explanation) << '\n';
}

std::string_view kind_name(Statement::Kind kind) {
  switch (kind) {
    case Statement::Kind::status:
      return status::kStatusHeader;
    case Statement::Kind::results:
      return status::kResultsHeader;
    case Statement::Kind::received:
      return "Received";
  }
  return {};
}

Json as_json(const Statement& statement) {
  Json json{{"field", kind_name(statement.kind)},
            {"line", statement.field->line},
            {"by", statement.by},
            {"this_host", statement.is_ours},
            {"value", unfolded(statement)}};
  if (!statement.status) return json;
  const auto& security = statement.status->security;
  json["protection"] = name(security.protection);
  json["meaning"] = session_meaning(security);
  json["weak"] = session_weakness(security);
  json["bits"] = security.bits;
  json["account"] = security.account;
  json["peer"] = session_peer(security);
  json["would_reject"] = statement.status->would_reject;
  return json;
}

Json as_json(const Explanation& explanation) {
  Json list = Json::array();
  for (const auto& each : explanation.statements) list.push_back(as_json(each));
  const auto* own = own_status(explanation);
  return {{"host", explanation.host},
          {"protection", own == nullptr ? Json(nullptr) : Json(name(own->status->security.protection))},
          {"fields", std::move(list)},
          {"malformed", explanation.header.malformed}};
}

MessageHeader read(const std::string& file) {
  if (file.empty() || file == "-") return read_header(std::cin);
  std::ifstream input(file, std::ios::binary);
  if (!input) throw Failure(file + ": " + std::strerror(errno));
  return read_header(input);
}

int explain(Context& context, const Options& options) {
  Explanation explanation{own_name(context), read(options.file), {}};
  for (const auto& field : explanation.header.fields) {
    if (auto found = statement(field, explanation.host)) explanation.statements.push_back(std::move(*found));
  }
  options.as_json ? print_json(as_json(explanation)) : print(explanation);
  return kSuccess;
}

}  // namespace

void add_headers_command(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("headers", "Explain what the header of a received message says of its protection");
  auto options = std::make_shared<Options>();
  command->add_option("FILE", options->file, "the message; default: standard input");
  command->add_flag("--json", options->as_json, "For programs");
  command->callback([&context, options] { context.status = explain(context, *options); });
}

}  // namespace smtpseal::cli
