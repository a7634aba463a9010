#include <algorithm>
#include <boost/algorithm/string/join.hpp>

#include "completion.hpp"

namespace smtpseal::cli {
namespace {

using boost::algorithm::join;

// What completes a value; empty: nothing does.
std::string action(const Parameter& parameter) {
  if (!parameter.choices.empty())
    return "COMPREPLY=($(compgen -W '" + join(parameter.choices, " ") + "' -- \"$cur\"))";
  if (parameter.value == "FILE" || parameter.value == "CAPTURE") return "_filedir";
  if (parameter.value == "DIRECTORY") return "_filedir -d";
  if (parameter.value == "PATTERN") return "_smtpseal_patterns";
  return {};
}

// Not COMPREPLY=($(compgen -W ...)), which makes file names of the pattern "*". What is put on the command
// line is quoted for the same reason.
constexpr auto kPatterns =
    "_smtpseal_patterns()\n{\n"
    "    local name quoted\n"
    "    while IFS= read -r name; do\n"
    "        printf -v quoted %q \"$name\"\n"
    "        if [[ $name == \"$cur\"* || $quoted == \"$cur\"* ]]; then\n"
    "            COMPREPLY+=(\"$quoted\")\n"
    "        fi\n"
    "    done < <(smtpseal domain list --names 2>/dev/null)\n"
    "}\n";

class Script {
 public:
  explicit Script(const Command& program) { visit(program); }

  std::string text() const {
    return std::string("# bash completion for smtpseal(1), made by: smtpseal completion bash\n") + kPatterns +
           "_smtpseal()\n{\n"
           "    local cur prev words cword\n"
           "    _init_completion -n =: || return\n"
           "    local path=smtpseal place=0 i\n"
           "    for ((i = 1; i < cword; i++)); do\n"
           "        case \"$path ${words[i]}\" in\n" +
           steps_ +
           "            *\\ -*) ;;\n"
           "            *) ((++place)) ;;\n"
           "        esac\n"
           "    done\n"
           "    case \"$path $prev\" in\n" +
           values_ +
           "    esac\n"
           "    if [[ $cur == -* ]]; then\n"
           "        case $path in\n" +
           options_ +
           "        esac\n"
           "        return\n"
           "    fi\n"
           "    case \"$path $place\" in\n" +
           arguments_ +
           "    esac\n"
           "} &&\n"
           "    complete -F _smtpseal smtpseal\n";
  }

 private:
  void visit(const Command& command) {
    for (const auto& option : command.options) add_option(command, option);
    std::string names;
    for (const auto& option : command.options) names += " " + join(option.names, " ");
    options_ += "            '" + command.path() + "') COMPREPLY=($(compgen -W '" +
                names.substr(std::min<std::size_t>(names.size(), 1)) + "' -- \"$cur\")) ;;\n";
    add_arguments(command);
    add_subcommands(command);
  }

  void add_option(const Command& command, const Parameter& option) {
    if (option.value.empty()) return;
    std::string patterns;
    for (const auto& name : option.names)
      patterns += (patterns.empty() ? "" : " | ") + ("'" + command.path() + " " + name + "'");
    steps_ += "            " + patterns + ") ((++i)) ;;\n";
    const auto completes = action(option);
    values_ += "        " + patterns + ") " + (completes.empty() ? "" : completes + "; ") + "return ;;\n";
  }

  void add_arguments(const Command& command) {
    for (std::size_t place = 0; place < command.arguments.size(); ++place) {
      const auto& argument = command.arguments[place];
      const auto completes = action(argument);
      if (completes.empty()) continue;
      arguments_ += "        '" + command.path() + " " + std::to_string(place) + "'" +
                    (argument.repeated ? " | '" + command.path() + " '*" : "") + ") " + completes + " ;;\n";
    }
  }

  void add_subcommands(const Command& command) {
    if (command.subcommands.empty()) return;
    std::string names;
    for (const auto& each : command.subcommands) {
      names += (names.empty() ? "" : " ") + each.words.back();
      steps_ += "            '" + each.path() + "') path='" + each.path() + "' place=0 ;;\n";
    }
    arguments_ +=
        "        '" + command.path() + " 0') COMPREPLY=($(compgen -W '" + names + "' -- \"$cur\")) ;;\n";
    for (const auto& each : command.subcommands) visit(each);
  }

  std::string steps_;      // from one word to the next: into a subcommand, or over an option's value
  std::string values_;     // of options
  std::string options_;    // names
  std::string arguments_;  // by place, and subcommands
};

}  // namespace

std::string bash_completion(const Command& program) {
  return Script(program).text();
}

}  // namespace smtpseal::cli
