#include <iostream>

#include "choices.hpp"
#include "commands.hpp"
#include "completion.hpp"

namespace smtpseal::cli {

void add_completion_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("completion", "Print the completion script for a shell");
  auto shell = std::make_shared<std::string>();
  allow_only(command->add_option("SHELL", *shell, "which one")->required(), {"bash", "zsh"});
  command->footer(
      "Packages install both. By hand: smtpseal completion bash >/etc/bash_completion.d/smtpseal");
  command->callback([&app, &context, shell] {
    const auto program = command_tree(app);
    std::cout << (*shell == "bash" ? bash_completion(program) : zsh_completion(program)) << std::flush;
    context.status = std::cout.good() ? kSuccess : kProblem;
  });
}

}  // namespace smtpseal::cli
