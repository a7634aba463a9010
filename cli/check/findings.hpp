// What `smtpseal check` found, in groups, each problem with its mend.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace smtpseal::cli {

enum class Severity { ok, note, warning, problem };
std::string_view name(Severity severity);

struct Finding {
  std::string group;
  Severity severity = Severity::ok;
  std::string text;
  std::string mend;  // what to do or to type; empty where the text says it
};

class Findings {
 public:
  // What is added from now on belongs to this group.
  void begin(std::string group) { group_ = std::move(group); }
  void ok(std::string text) { add(Severity::ok, std::move(text), {}); }
  void note(std::string text, std::string mend = {}) {
    add(Severity::note, std::move(text), std::move(mend));
  }
  void warning(std::string text, std::string mend = {}) {
    add(Severity::warning, std::move(text), std::move(mend));
  }
  void problem(std::string text, std::string mend = {}) {
    add(Severity::problem, std::move(text), std::move(mend));
  }
  void add(Severity severity, std::string text, std::string mend) {
    all_.push_back({group_, severity, std::move(text), std::move(mend)});
  }

  [[nodiscard]] const std::vector<Finding>& all() const { return all_; }
  [[nodiscard]] std::size_t count(Severity severity) const;

 private:
  std::string group_;
  std::vector<Finding> all_;
};

}  // namespace smtpseal::cli
