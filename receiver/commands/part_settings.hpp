// What the parts get of the configuration.
#pragma once

#include "config/config.hpp"
#include "database/lane_pool.hpp"
#include "spool/spool.hpp"

namespace msgstatus::receiver {

inline LaneSettings lane_settings(const Config &config) {
    return {.database = config.database,
            .lanes = config.lanes,
            .batch_max = config.batch_max,
            .batch_max_bytes = config.batch_max_bytes,
            .queue_max = config.queue_max,
            .statement_timeout = config.statement_timeout,
            .lock_timeout = config.lock_timeout,
            .patience = config.spool_after};
}

inline SpoolSettings spool_settings(const Config &config) {
    return {.directory = config.spool_dir,
            .max_bytes = config.spool_max_bytes,
            .largest_body = config.http.body_limit,
            .batch_max = config.batch_max,
            .batch_max_bytes = config.batch_max_bytes};
}

} // namespace msgstatus::receiver
