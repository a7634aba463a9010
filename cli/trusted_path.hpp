// Whether nobody but root decides what a file holds.
#pragma once

#include <string>

namespace smtpseal::cli {

// Follows links, then looks at the file and at every directory above it. Empty: root alone can change or
// replace it (in a sticky directory, only who owns an entry can). Else a sentence naming the place and what
// is wrong with it.
std::string who_else_can_change(const std::string& path);

}  // namespace smtpseal::cli
