// Result<T>: a value or an error code. Functions that can fail because of what a peer or a file says return it;
// exceptions are for start-up and out-of-memory only.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace smtpseal {

template <class T = void>
using Result = boost::system::result<T>;

using ErrorCode = boost::system::error_code;

}  // namespace smtpseal
