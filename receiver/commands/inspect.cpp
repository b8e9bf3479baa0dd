#include <cstdio>

#include "commands/commands.hpp"
#include "database/job.hpp"
#include "spool/inspect.hpp"

namespace msgstatus::receiver {

int inspect_command(const Config &config) {
    const InspectOptions options{config.spool_dir, config.inspect_list, config.inspect_content};
    std::fputs(inspect_spool(options, postgres_now()).c_str(), stdout);
    return 0;
}

} // namespace msgstatus::receiver
