// The functions libsasl2 lends to plugins (sasl_utils_t), in C++ types.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "sasl_api.hpp"

namespace smtpseal::sasl {

inline constexpr const char* kMechanism = "NTLM";

// The value of an option of the application's SASL configuration; empty where it is not set.
std::string option(const sasl_utils_t& utils, const char* name);

// A line for the application's log (its SASL_CB_LOG callback). `level`: SASL_LOG_*. No secrets.
void log(const sasl_utils_t& utils, int level, const std::string& text);

// The same at `level`, also kept as the connection's error for sasl_errdetail(). Returns `code`, a SASL_*
// error.
int fail(const sasl_utils_t& utils, int level, int code, const std::string& text);

// Runs `call` so that no exception reaches the C code that called us. Returns its SASL_* status; SASL_NOMEM
// or SASL_FAIL where it threw.
template <class Call>
int guarded(const sasl_utils_t& utils, Call&& call) noexcept {
  try {
    return std::forward<Call>(call)();
  } catch (const std::bad_alloc&) {
    return SASL_NOMEM;
  } catch (const std::exception& error) {
    utils.log(utils.conn, SASL_LOG_ERR, "NTLM (smtpseal): %s", error.what());
    return SASL_FAIL;
  }
}

}  // namespace smtpseal::sasl
