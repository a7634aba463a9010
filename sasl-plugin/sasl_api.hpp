// libsasl2's header for plugins, which needs what comes before it.
#pragma once

#include <sasl/sasl.h>
// Not sorted before it.
#include <sasl/saslplug.h>
