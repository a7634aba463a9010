#include "atomic_file.hpp"
#include "commands.hpp"
#include "output.hpp"
#include "smtpseal/policy/transport_table.hpp"

namespace smtpseal::cli {
namespace {

struct Options {
  bool regexp = false;
  std::string output;
};

int export_postfix(Context& context, const Options& options) {
  const auto load = context.load(context.domains_only());
  if (!load.set) {
    print_problems(std::cerr, load.problems);
    throw Failure("the rules have problems; nothing was exported");
  }
  const auto& values = context.values();
  const policy::TransportTargets targets{values.text("policyd.transport"),
                                         values.text("policyd.transport_seven_bit")};
  const auto text = options.regexp ? policy::export_transport_regexp(*load.set, targets)
                                   : policy::export_transport_table(*load.set, targets);
  if (options.output.empty()) {
    std::cout << text << std::flush;
    return std::cout.good() ? kSuccess : kProblem;
  }
  AtomicFile file(options.output, {});
  file.write(text);
  file.commit();
  return kSuccess;
}

}  // namespace

void add_export_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("export", "Write the rules for another program");
  command->require_subcommand(1);
  auto options = std::make_shared<Options>();
  auto* postfix = command->add_subcommand(
      "postfix", "A transport(5) table: the same answers without a daemon in the path");
  postfix->add_flag("--regexp", options->regexp,
                    "The regexp_table(5) of address forms that hide a listed domain");
  postfix->add_option("--output", options->output, "Replace this file; default: standard output")
      ->type_name("FILE");
  postfix->callback([&context, options] { context.status = export_postfix(context, *options); });
}

}  // namespace smtpseal::cli
