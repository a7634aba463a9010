#include "exported_text.hpp"

#include <idn2.h>

#include <memory>

namespace smtpseal::policy {
namespace {

// The U-label form of an A-label pattern; empty where there is none that differs.
std::string unicode_form(const std::string& pattern) {
  if (pattern.find("xn--") == std::string::npos) return {};
  const bool subdomains = pattern.starts_with('.');
  char* converted = nullptr;
  const int status =
      ::idn2_to_unicode_8z8z(pattern.c_str() + (subdomains ? 1 : 0), &converted, IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> owner(converted, ::idn2_free);
  if (status != IDN2_OK || converted == nullptr) return {};
  std::string text = (subdomains ? "." : "") + std::string(converted);
  return text == pattern ? std::string() : text;
}

}  // namespace

std::vector<std::string> spellings(const std::string& pattern) {
  std::vector<std::string> forms{pattern};
  if (auto unicode = unicode_form(pattern); !unicode.empty()) forms.push_back(std::move(unicode));
  return forms;
}

std::string table_header(const PolicySet& set, std::string_view kind, std::string_view command) {
  const auto& rules = set.domains.rules();
  std::string text = "# " + std::string(kind) + ", written by: " + std::string(command) + "\n";
  text += "# " + std::to_string(rules.size()) + (rules.size() == 1 ? " rule" : " rules") +
          (rules.empty() ? "" : " of " + rules.front().origin.file);
  return text + ". Do not edit; export again after every change of the rules.\n";
}

}  // namespace smtpseal::policy
