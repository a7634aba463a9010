#include "utilities.hpp"

namespace smtpseal::sasl {

std::string option(const sasl_utils_t& utils, const char* name) {
  const char* value = nullptr;
  unsigned length = 0;
  if (utils.getopt == nullptr ||
      utils.getopt(utils.getopt_context, kMechanism, name, &value, &length) != SASL_OK || value == nullptr)
    return {};
  return value;  // libsasl2 ends every value with a NUL; not every callback sets the length
}

void log(const sasl_utils_t& utils, int level, const std::string& text) {
  utils.log(utils.conn, level, "NTLM (smtpseal): %s", text.c_str());
}

int fail(const sasl_utils_t& utils, int level, int code, const std::string& text) {
  log(utils, level, text);
  // Without a connection there is nobody to ask for the error.
  if (utils.conn != nullptr) utils.seterror(utils.conn, SASL_NOLOG, "NTLM (smtpseal): %s", text.c_str());
  return code;
}

}  // namespace smtpseal::sasl
