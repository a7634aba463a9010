#include "smtpseal/policy/account_files.hpp"

#include <algorithm>
#include <array>

#include "choices.hpp"
#include "smtpseal/policy/table_text.hpp"

namespace smtpseal::policy {
namespace {

// Profiles an account can have: the accepting side has no use for the difference between exchange-5.5
// and 5.0.
constexpr std::array kAccountProfiles{Choice<Profile>{"modern", Profile::modern},
                                      Choice<Profile>{"exchange-5.5", Profile::exchange_55}};
constexpr std::array kYesNo{Choice<bool>{"no", false}, Choice<bool>{"yes", true}};

// What both files share: an account, then a secret. Texts never show anything but known attribute names and
// their values, since whatever else stands in a line may be part of a password.
class EntryParser {
 public:
  EntryParser(const TableLine& line, Origin origin, std::vector<Problem>& problems)
      : fields_(line.text, TrailingComments::no), origin_(std::move(origin)), problems_(problems) {}

 protected:
  bool refuse(std::string text) {
    problems_.push_back({origin_, std::move(text)});
    return false;
  }

  bool parse_account(std::string& account) {
    const auto word = fields_.word();
    if (!word) return refuse("account: " + fields_.problem());
    account = *word;
    const auto problem = account_problem(*word);
    return problem.empty() || refuse("account: " + problem);
  }

  bool parse_secret_text(const crypto::Engine& engine, std::string_view text, StoredSecret& secret,
                         KeepPassword keep = KeepPassword::no) {
    auto parsed = parse_secret(engine, text, keep);
    if (!parsed.secret) return refuse("secret: " + parsed.problem);
    secret = std::move(*parsed.secret);
    return true;
  }

  FieldReader fields_;
  Origin origin_;

 private:
  std::vector<Problem>& problems_;
};

class CredentialParser : EntryParser {
 public:
  using EntryParser::EntryParser;

  bool parse(const crypto::Engine& engine, Credential& credential) {
    credential.origin = origin_;
    if (!parse_account(credential.account)) return false;
    credential.name = split_account(credential.account);
    auto text = fields_.rest();
    if (text.empty()) return refuse("the secret behind the account is missing");
    if (text.front() == '"') {
      if (text.size() < 2 || text.back() != '"') return refuse("secret: a double quote is not closed");
      text = text.substr(1, text.size() - 2);
    }
    return parse_secret_text(engine, text, credential.secret, KeepPassword::yes);
  }
};

class AccountParser : EntryParser {
 public:
  using EntryParser::EntryParser;

  bool parse(const crypto::Engine& engine, Account& account) {
    account.origin = origin_;
    if (!parse_account(account.account)) return false;
    account.name = split_account(account.account);
    const auto secret = fields_.word();
    if (!secret) {
      return refuse(fields_.problem().empty() ? "the secret behind the account is missing"
                                              : "secret: " + fields_.problem());
    }
    if (!parse_secret_text(engine, *secret, account.secret)) return false;
    while (!fields_.at_end()) {
      if (!parse_attribute(account)) return false;
    }
    return true;
  }

 private:
  bool parse_attribute(Account& account) {
    const auto field = fields_.attribute();
    const auto known = field ? std::find(kNames.begin(), kNames.end(), field->name) : kNames.end();
    if (known == kNames.end()) {
      return refuse(fields_.problem().empty()
                        ? "unknown attribute behind the secret; allowed are domains=, relay=, profile= and "
                          "strength= (a password with blanks must be in double quotes)"
                        : fields_.problem());
    }
    const unsigned bit = 1U << (known - kNames.begin());
    if ((seen_ & bit) != 0) return refuse(std::string(field->name) + "= is given twice");
    seen_ |= bit;
    const auto problem = apply(account, *field);
    return problem.empty() || refuse(std::string(field->name) + "=" + shown(field->value) + ": " + problem);
  }

  static std::string apply(Account& account, const FieldReader::Attribute& field) {
    if (field.name == "relay") return choose(kYesNo, field.value, account.relay);
    if (field.name == "profile") return choose(kAccountProfiles, field.value, account.profile);
    if (field.name == "strength") return choose(kStrengths, field.value, account.strength);
    return apply_domains(account, field.value);
  }

  static std::string apply_domains(Account& account, std::string_view value) {
    while (true) {
      const std::size_t comma = std::min(value.find(','), value.size());
      auto pattern = parse_pattern(value.substr(0, comma));
      if (!pattern.problem.empty()) return pattern.problem;
      account.domains.push_back(std::move(pattern.pattern));
      if (comma == value.size()) return {};
      value.remove_prefix(comma + 1);
    }
  }

  static constexpr std::array<std::string_view, 4> kNames{"domains", "relay", "profile", "strength"};
  unsigned seen_ = 0;
};

// Parses every line of `text` into `entries`, indexed by folded account.
template <class Parser, class Entry>
void parse_entries(const crypto::Engine& engine, std::string_view text, const std::string& file,
                   std::vector<Problem>& problems, std::vector<Entry>& entries,
                   std::unordered_map<std::string, std::size_t>& index) {
  for_each_entry(text, file, problems, [&](const TableLine& line) {
    Entry entry;
    if (!Parser(line, {file, line.number}, problems).parse(engine, entry)) return;
    const auto [known, is_new] = index.emplace(folded_account(entry.account), entries.size());
    if (is_new) {
      entries.push_back(std::move(entry));
    } else {
      problems.push_back({entry.origin, "account " + shown(entry.account) +
                                            " is given twice; the first is in line " +
                                            std::to_string(entries[known->second].origin.line)});
    }
  });
}

template <class Entry>
const Entry* find_entry(const std::vector<Entry>& entries,
                        const std::unordered_map<std::string, std::size_t>& index, std::string_view account) {
  const auto known = index.find(folded_account(account));
  return known == index.end() ? nullptr : &entries[known->second];
}

}  // namespace

AccountName split_account(std::string_view account) {
  const std::size_t slash = account.find('\\');
  if (slash == std::string_view::npos) return {{}, std::string(account)};
  return {std::string(account.substr(0, slash)), std::string(account.substr(slash + 1))};
}

Credentials Credentials::parse(const crypto::Engine& engine, std::string_view text, const std::string& file,
                               std::vector<Problem>& problems) {
  Credentials result;
  parse_entries<CredentialParser>(engine, text, file, problems, result.entries_, result.index_);
  return result;
}

const Credential* Credentials::find(std::string_view account) const {
  return find_entry(entries_, index_, account);
}

bool Account::is_bound_to(std::string_view canonical_domain) const {
  return std::any_of(domains.begin(), domains.end(), [&](const std::string& pattern) {
    if (!pattern.starts_with('.')) return pattern == "*" || pattern == canonical_domain;
    return canonical_domain.size() > pattern.size() && canonical_domain.ends_with(pattern);
  });
}

Accounts Accounts::parse(const crypto::Engine& engine, std::string_view text, const std::string& file,
                         std::vector<Problem>& problems) {
  Accounts result;
  parse_entries<AccountParser>(engine, text, file, problems, result.entries_, result.index_);
  return result;
}

const Account* Accounts::find(std::string_view domain, std::string_view user) const {
  // A backslash in a claimed name would let DOMAIN\user be claimed without saying the domain.
  constexpr char kSlash = '\\';
  if (user.find(kSlash) != std::string_view::npos || domain.find(kSlash) != std::string_view::npos)
    return nullptr;
  if (!domain.empty()) {
    const auto* account = find(std::string(domain) + kSlash + std::string(user));
    if (account != nullptr) return account;
  }
  return find(user);
}

const Account* Accounts::find(std::string_view account) const {
  return find_entry(entries_, index_, account);
}

void Accounts::forget_secrets() {
  for (auto& account : entries_) account.secret = StoredSecret();
}

}  // namespace smtpseal::policy
