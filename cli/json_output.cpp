#include "json_output.hpp"

#include <iostream>

namespace smtpseal::cli {

void print_json(const Json& value) {
  std::cout << value.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace smtpseal::cli
