// msgstatus-console: the web log, for people who do not write SQL. See README.md.

#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include <unistd.h>

#include "console/console.hpp"
#include "console/settings.hpp"
#include "observe/log.hpp"

namespace {

using namespace msgstatus::receiver;

int run(int argc, char *argv[]) {
    ConsoleConfig config = load_console_config(argc, argv);
    if (!config.show.empty()) {
        const std::string text = config.show == "help"       ? help_text(console_program())
                                 : config.show == "settings" ? settings_table(console_program())
                                                             : "msgstatus-console " MSGSTATUS_VERSION "\n";
        std::fputs(text.c_str(), stdout);
        return 0;
    }
    start_log(config.log_level, config.log_format);
    for (const std::string &warning : config.warnings)
        log(LogLevel::warning, "setting", {{"reason", warning}});
    if (config.check_only) {
        std::puts("the settings are right");
        return 0;
    }
    Console console(std::move(config));
    console.run();
    _exit(0); // a thread that connects, or cancels, cannot be broken off, and would be waited for
}

} // namespace

int main(int argc, char *argv[]) {
    try {
        return run(argc, argv);
    } catch (const ConfigError &error) {
        std::fprintf(stderr, "msgstatus-console: %s\n", error.what());
        return 2; // a bad setting
    } catch (const std::exception &error) {
        std::fprintf(stderr, "msgstatus-console: %s\n", error.what());
        return 1;
    }
}
