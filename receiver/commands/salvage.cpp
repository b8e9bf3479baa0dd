#include <cstdio>

#include "commands/commands.hpp"
#include "config/part_settings.hpp"
#include "database/job.hpp"
#include "spool/salvage.hpp"
#include "spool/spool_files.hpp"

namespace msgstatus::receiver {

int salvage_command(const Config &config) {
    const SpoolFiles files(config.spool_dir);
    SpoolStore store(files, spool_limits(config));
    std::printf("saved %zu\n", salvage(config.salvage_from, store, postgres_now()));
    return 0;
}

} // namespace msgstatus::receiver
