#include "part_settings.hpp"

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

InspectOptions inspect_options(const Config &config) {
    return {.directory = config.spool_dir, .list = config.inspect_list, .content = config.inspect_content};
}

SpoolSettings spool_settings(const Config &config) {
    return {.directory = config.spool_dir,
            .max_bytes = config.spool_max_bytes,
            .largest_body = config.body_limit,
            .batch_max = config.batch_max,
            .batch_max_bytes = config.batch_max_bytes};
}

} // namespace msgstatus::receiver
