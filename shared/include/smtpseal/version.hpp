// The version of this build, as CMakeLists.txt of the tree has it.
#pragma once

#include <string_view>

namespace smtpseal {

std::string_view version();

}  // namespace smtpseal
