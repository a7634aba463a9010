// smtpseal: the administrator's tool for the domain, credential and account tables.
#include <iostream>

#include "all_commands.hpp"

namespace {

int run(int argc, char** argv) {
  using namespace smtpseal::cli;
  Context context;
  CLI::App app;
  add_commands(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kSuccess : kUsage;
  } catch (const Failure& failure) {
    std::cerr << "smtpseal: " << failure.what() << '\n';
    return kProblem;
  }
  return context.status;
}

// What is written to a full disk must not pass for done.
int after_output(int status) {
  std::cout.flush();
  if (std::cout) return status;
  std::cerr << "smtpseal: standard output cannot be written\n";
  return smtpseal::cli::kProblem;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return after_output(run(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "smtpseal: " << error.what() << '\n';
    return smtpseal::cli::kProblem;
  }
}
