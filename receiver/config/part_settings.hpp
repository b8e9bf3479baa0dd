// What the parts get of the configuration.
#pragma once

#include "config/config.hpp"
#include "database/lane_pool.hpp"
#include "spool/spool.hpp"

namespace msgstatus::receiver {

LaneSettings lane_settings(const Config &config);
SpoolLimits spool_limits(const Config &config);
SpoolSettings spool_settings(const Config &config);

} // namespace msgstatus::receiver
