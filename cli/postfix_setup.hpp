// What main.cf and master.cf of a Postfix say, as postconf(1) reads them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace smtpseal::cli {

// A line of master.cf.
struct PostfixService {
  std::string name;
  std::string type;  // inet, unix, unix-dgram
  bool chrooted = false;
  std::string command;
  std::map<std::string, std::string> overrides;  // -o name=value, expanded
};

class PostfixSetup {
 public:
  // `directory`: of main.cf; empty: Postfix's own default. nullopt: there is no Postfix, or it has no main.cf
  // there. Throws Failure where postconf does not do.
  static std::optional<PostfixSetup> load(const std::string& directory);

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const std::string& queue_directory() const { return value("queue_directory"); }
  // Of main.cf or the default, with $name expanded. Empty for a name that is not among kParameters.
  [[nodiscard]] const std::string& value(const std::string& name) const;
  // The same before expansion: what has to be kept where a value is changed.
  [[nodiscard]] std::string written(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> list(const std::string& name) const;
  // For one service: its own -o, else main.cf.
  [[nodiscard]] const std::string& value_for(const PostfixService& service, const std::string& name) const;

  [[nodiscard]] const std::vector<PostfixService>& services() const { return services_; }
  [[nodiscard]] const PostfixService* service(const std::string& name, const std::string& type) const;
  [[nodiscard]] std::vector<const PostfixService*> services_running(const std::string& command) const;

  // "unix:PATH" as a program of Postfix that is not chrooted finds it: relative to the queue directory.
  [[nodiscard]] std::string absolute(const std::string& endpoint) const;
  // The words of a postconf command for this instance.
  [[nodiscard]] std::vector<std::string> postconf(std::vector<std::string> arguments) const;

 private:
  explicit PostfixSetup(std::string directory) : directory_(std::move(directory)) {}
  void read_values();
  void read_services();

  std::string directory_;
  std::map<std::string, std::string> values_;
  std::vector<PostfixService> services_;
};

// At blanks and commas, as Postfix separates the elements of a list; what stands in braces stays whole.
std::vector<std::string> split_list(const std::string& text);

}  // namespace smtpseal::cli
