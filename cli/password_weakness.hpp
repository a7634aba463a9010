// Passwords that are tried first by whoever has recorded a login. Pure.
#pragma once

#include <string>
#include <string_view>

namespace smtpseal::cli {

// Why the password of `user` is weak, in words that show nothing of it; empty: nothing says that it is.
std::string password_weakness(std::string_view password, std::string_view user);

}  // namespace smtpseal::cli
