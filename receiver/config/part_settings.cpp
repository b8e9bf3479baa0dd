#include "config/part_settings.hpp"

namespace msgstatus::receiver {

LaneSettings lane_settings(const Config &config) {
    return {.database = config.database,
            .lanes = config.lanes,
            .batch_max = config.batch_max,
            .batch_max_bytes = config.batch_max_bytes,
            .queue_max = config.queue_max,
            .statement_timeout = config.statement_timeout,
            .lock_timeout = config.lock_timeout,
            .patience = config.spool_after};
}

SpoolLimits spool_limits(const Config &config) {
    return {.max_bytes = config.spool_max_bytes, .largest_body = config.body_limit};
}

SpoolSettings spool_settings(const Config &config) {
    return {.directory = config.spool_dir,
            .limits = spool_limits(config),
            .batch_max = config.batch_max,
            .batch_max_bytes = config.batch_max_bytes};
}

} // namespace msgstatus::receiver
