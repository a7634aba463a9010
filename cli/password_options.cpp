#include "password_options.hpp"

namespace smtpseal::cli {
namespace {

constexpr const char* kHowToGive =
    "The password is asked for, or read from --password-file or standard input: the first line. It is never "
    "an "
    "argument, which every user of the host could see.";

}  // namespace

void add_password_input(CLI::App& command, std::string& file) {
  command.add_option("--password-file", file, "Read the password from this file, which others may not read")
      ->type_name("FILE");
  command.footer(kHowToGive);
  command.allow_extras();
}

void refuse_stray_arguments(const CLI::App& command) {
  if (command.remaining_size() == 0) return;
  throw CLI::ValidationError("an argument too many", kHowToGive);
}

}  // namespace smtpseal::cli
