#include "smtpseal/policy/domain_map.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <span>

#include "choices.hpp"
#include "smtpseal/policy/table_text.hpp"
#include "tls_attributes.hpp"

namespace smtpseal::policy {
namespace {

constexpr std::array kLevels{Choice<Level>{"none", Level::none}, Choice<Level>{"tls", Level::tls},
                             Choice<Level>{"auth", Level::auth}, Choice<Level>{"seal", Level::seal}};
constexpr std::array kOnFailure{Choice<OnFailure>{"defer", OnFailure::defer},
                                Choice<OnFailure>{"bounce", OnFailure::bounce}};
constexpr std::array kInbound{Choice<InboundRule>{"any", InboundRule::any},
                              Choice<InboundRule>{"require", InboundRule::require}};
constexpr std::array kModes{Choice<Mode>{"enforce", Mode::enforce}, Choice<Mode>{"report", Mode::report}};
constexpr std::array kBodies{Choice<BodyRule>{"as-is", BodyRule::as_is},
                             Choice<BodyRule>{"7bit", BodyRule::seven_bit}};
constexpr std::array kRc4States{Choice<Rc4State>{"shared", Rc4State::shared},
                                Choice<Rc4State>{"separate", Rc4State::separate}};
constexpr std::array kFramings{
    Choice<session::Framing>{"be-leading",
                             {session::LengthOrder::big_endian, session::SignaturePlace::leading}},
    Choice<session::Framing>{"be-trailing",
                             {session::LengthOrder::big_endian, session::SignaturePlace::trailing}},
    Choice<session::Framing>{"le-leading",
                             {session::LengthOrder::little_endian, session::SignaturePlace::leading}},
    Choice<session::Framing>{"le-trailing",
                             {session::LengthOrder::little_endian, session::SignaturePlace::trailing}}};

template <class Address>
bool is_address(int family, const std::string& host) {
  Address address{};
  return ::inet_pton(family, host.c_str(), &address) == 1;
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

bool parse_host(std::string_view text, bool bracketed, Nexthop& nexthop) {
  const std::string host(text);
  if (is_address<in_addr>(AF_INET, host) || (bracketed && is_address<in6_addr>(AF_INET6, host))) {
    nexthop.host = host;
    nexthop.mx_lookup = false;
    return true;
  }
  auto name = parse_pattern(text);
  if (!name.problem.empty() || name.pattern.starts_with('.') || name.pattern == "*") return false;
  nexthop.host = std::move(name.pattern);
  nexthop.mx_lookup = !bracketed;
  return true;
}

// [host]:port, host:port, [ipv6]:port; the port may be left out.
std::optional<Nexthop> parse_nexthop(std::string_view value) {
  Nexthop nexthop;
  const bool bracketed = value.starts_with('[');
  const std::size_t end = bracketed ? value.find(']') : std::min(value.find(':'), value.size());
  if (end == std::string_view::npos) return std::nullopt;
  if (!parse_host(bracketed ? value.substr(1, end - 1) : value.substr(0, end), bracketed, nexthop))
    return std::nullopt;
  const auto rest = value.substr(bracketed ? end + 1 : end);
  if (rest.empty()) return nexthop;
  if (rest.front() != ':' || !parse_port(rest.substr(1), nexthop.port)) return std::nullopt;
  return nexthop;
}

std::string apply_account(DomainRule& rule, std::string_view value) {
  rule.account = value;
  return account_problem(value);
}

std::string apply_inbound_account(DomainRule& rule, std::string_view value) {
  rule.inbound_account = value;
  return account_problem(value);
}

std::string apply_nexthop(DomainRule& rule, std::string_view value) {
  rule.nexthop = parse_nexthop(value);
  return rule.nexthop ? "" : "allowed are [host]:port, host:port and [ipv6]:port";
}

struct Attribute {
  std::string_view name;
  Level least;  // the lowest level the attribute has a meaning for
  std::string (*apply)(DomainRule&, std::string_view value);  // returns what is wrong with the value
};

constexpr std::array kAttributes{
    Attribute{"account", Level::auth, apply_account},
    Attribute{"profile", Level::auth,
              [](auto& rule, auto value) { return choose(kProfiles, value, rule.profile); }},
    Attribute{"strength", Level::seal,
              [](auto& rule, auto value) { return choose(kStrengths, value, rule.strength); }},
    Attribute{"framing", Level::seal,
              [](auto& rule, auto value) { return choose(kFramings, value, rule.framing); }},
    Attribute{"rc4_state", Level::seal,
              [](auto& rule, auto value) { return choose(kRc4States, value, rule.rc4_state); }},
    Attribute{"nexthop", Level::tls, apply_nexthop},
    Attribute{"on_failure", Level::tls,
              [](auto& rule, auto value) { return choose(kOnFailure, value, rule.on_failure); }},
    Attribute{"body", Level::tls, [](auto& rule, auto value) { return choose(kBodies, value, rule.body); }},
    Attribute{"inbound", Level::none,
              [](auto& rule, auto value) { return choose(kInbound, value, rule.inbound); }},
    Attribute{"inbound_account", Level::none, apply_inbound_account},
    Attribute{"mode", Level::none, [](auto& rule, auto value) { return choose(kModes, value, rule.mode); }},
    Attribute{"tls", Level::tls, apply_tls},
    Attribute{"tls_min", Level::tls, apply_tls_min},
    Attribute{"tls_name", Level::tls, apply_tls_name},
    Attribute{"ca_file", Level::tls, apply_ca_file},
    Attribute{"fingerprint", Level::tls, apply_fingerprint},
    Attribute{"mechanisms", Level::auth, apply_mechanisms},
};

std::string all_attribute_names() {
  std::string names;
  for (const auto& attribute : kAttributes) {
    if (!names.empty()) names += ", ";
    names += attribute.name;
  }
  return names;
}

// Parses the words of one line into one rule; collects what is wrong.
class RuleParser {
 public:
  RuleParser(std::string_view line, DomainRule& rule, std::vector<Problem>& problems)
      : fields_(line, TrailingComments::yes),
        rule_(rule),
        problems_(problems),
        problems_before_(problems.size()) {}

  // True where the line had no problem.
  bool parse() {
    if (!parse_pattern_field() || !parse_level_field()) return false;
    while (!fields_.at_end()) {
      if (!parse_attribute_field()) return false;
    }
    check_whole();
    return problems_.size() == problems_before_;
  }

 private:
  bool refuse(std::string text) {
    problems_.push_back({rule_.origin, std::move(text)});
    return false;
  }

  bool parse_pattern_field() {
    const auto word = fields_.word();
    if (!word) return refuse(fields_.problem().empty() ? "the pattern is missing" : fields_.problem());
    auto pattern = parse_pattern(*word);
    if (!pattern.problem.empty()) return refuse("pattern " + pattern.problem);
    rule_.pattern = std::move(pattern.pattern);
    return true;
  }

  bool parse_level_field() {
    const auto word = fields_.word();
    if (!word && !fields_.problem().empty()) return refuse(fields_.problem());
    if (!word)
      return refuse("the level behind " + shown(rule_.pattern) +
                    " is missing; allowed are none, tls, auth, seal");
    const auto problem = choose(kLevels, *word, rule_.level);
    if (rule_.level == Level::tls) rule_.tls.mode = TlsMode::verify;
    return problem.empty() || refuse("level " + shown(*word) + ": " + problem);
  }

  bool parse_attribute_field() {
    if (const auto field = fields_.attribute()) {
      apply(*field);
      return true;
    }
    // A quote that is never closed makes no word either, and is a problem only once it is read.
    const auto word = fields_.problem().empty() ? fields_.word() : std::nullopt;
    return refuse(word ? "an attribute must have the form name=value: " + shown(*word) : fields_.problem());
  }

  void apply(const FieldReader::Attribute& field) {
    for (std::size_t i = 0; i < kAttributes.size(); ++i) {
      if (kAttributes[i].name == field.name) return apply_known(i, field.value);
    }
    refuse("unknown attribute " + shown(field.name) + "; allowed are " + all_attribute_names());
  }

  void apply_known(std::size_t index, std::string_view value) {
    const auto& attribute = kAttributes[index];
    const std::string name(attribute.name);
    const unsigned bit = 1U << index;
    if ((seen_ & bit) != 0) refuse(name + "= is given twice");
    seen_ |= bit;
    const auto problem = attribute.apply(rule_, value);
    if (!problem.empty()) refuse(name + "=" + shown(value) + ": " + problem);
  }

  [[nodiscard]] bool has(std::string_view attribute) const {
    for (std::size_t i = 0; i < kAttributes.size(); ++i) {
      if (kAttributes[i].name == attribute) return (seen_ & (1U << i)) != 0;
    }
    return false;
  }

  // What inbound=require asks of incoming mail has a strength, whatever is asked of outgoing mail.
  void check_levels() {
    for (const auto& attribute : kAttributes) {
      if (!has(attribute.name) || rule_.level >= attribute.least) continue;
      if (attribute.name == "strength" && rule_.inbound == InboundRule::require) continue;
      refuse(std::string(attribute.name) + "= has no meaning at level " +
             std::string(policy::name(rule_.level)));
    }
  }

  void check_whole() {
    check_levels();
    if (const auto problem = tls_contradiction(rule_, has("tls_min")); !problem.empty()) refuse(problem);
    if (rule_.level >= Level::auth && !has("account")) {
      refuse("level " + std::string(name(rule_.level)) +
             " needs account=, the name of a line of the credentials file");
    }
    if (!rule_.inbound_account.empty() && rule_.inbound != InboundRule::require) {
      refuse("inbound_account= has a meaning only with inbound=require");
    }
  }

  FieldReader fields_;
  DomainRule& rule_;
  std::vector<Problem>& problems_;
  std::size_t problems_before_;
  unsigned seen_ = 0;
};

}  // namespace

std::string_view name(Level level) {
  return name_of(kLevels, level);
}

std::string_view name(Profile profile) {
  return name_of(kProfiles, profile);
}

std::string DomainRule::weaknesses() const {
  std::string text;
  const bool sealed = level == Level::seal || inbound == InboundRule::require;
  if (profile != Profile::modern) {
    text = sealed && strength < 128 ? "NTLMv1 and LM_KEY" : "NTLMv1";
    text += " (profile=" + std::string(name(profile)) + ")";
  }
  if (sealed && strength < 128) {
    if (!text.empty()) text += ", ";
    text += std::to_string(strength) + " bit (strength=" + std::to_string(strength) + ")";
  }
  if (rc4_state == Rc4State::separate) {
    if (!text.empty()) text += ", ";
    text += "one key stream for both directions (rc4_state=separate)";
  }
  if (const auto weak = tls_weakness(*this); !weak.empty()) text += (text.empty() ? "" : ", ") + weak;
  return text;
}

DomainMap DomainMap::parse(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
  DomainMap map;
  for_each_entry(text, file, problems, [&](const TableLine& line) {
    DomainRule rule;
    rule.origin = {file, line.number};
    if (!RuleParser(line.text, rule, problems).parse()) return;
    const auto [entry, is_new] = map.index_.emplace(rule.pattern, map.rules_.size());
    if (!is_new) {
      const unsigned first = map.rules_[entry->second].origin.line;
      problems.push_back({rule.origin, "pattern " + shown(rule.pattern) +
                                           " is given twice; the first is in line " + std::to_string(first)});
      return;
    }
    map.secures_any_ = map.secures_any_ || rule.level != Level::none;
    map.requires_any_ = map.requires_any_ || rule.inbound == InboundRule::require;
    map.rules_.push_back(std::move(rule));
  });
  return map;
}

const DomainRule* DomainMap::find(std::string_view domain) const {
  if (domain.empty()) return nullptr;
  if (const auto exact = index_.find(domain); exact != index_.end()) return &rules_[exact->second];
  for (std::size_t dot = domain.find('.', 1); dot != std::string_view::npos;
       dot = domain.find('.', dot + 1)) {
    if (const auto parent = index_.find(domain.substr(dot)); parent != index_.end())
      return &rules_[parent->second];
  }
  const auto any = index_.find(std::string_view("*"));
  return any == index_.end() ? nullptr : &rules_[any->second];
}

}  // namespace smtpseal::policy
