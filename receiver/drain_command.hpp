// The command `drain`.
#pragma once

#include "config/config.hpp"

namespace msgstatus::receiver {

/// drain_spool does bring everything in the spool to the database, without taking webhooks.
/// @return the exit status: 0 if the spool is empty now, 1 if not
int drain_spool(const Config &config);

} // namespace msgstatus::receiver
