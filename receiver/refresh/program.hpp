// The program's parts put together.
#pragma once

#include "refresh/config.hpp"

namespace msgstatus::refresh {

/// Does what the settings say, and returns the exit status.
/// @throws std::exception if an address cannot be listened on, or there is no database for --once and --dry-run
int run(const Config &config);

} // namespace msgstatus::refresh
