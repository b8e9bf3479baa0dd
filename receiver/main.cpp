// msgstatus-receiver: takes status webhooks over HTTP and hands them to PostgreSQL. See README.md.

#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include <malloc.h>
#include <unistd.h>

#include "commands/commands.hpp"
#include "config/config.hpp"
#include "observe/log.hpp"
#include "receiver.hpp"

namespace {

using namespace msgstatus::receiver;

int run(int argc, char *argv[]) {
    Config config = load_config(argc, argv);
    if (!config.show.empty()) {
        const std::string text = config.show == "help"       ? help_text(receiver_program())
                                 : config.show == "settings" ? settings_table(receiver_program())
                                                             : "msgstatus-receiver " MSGSTATUS_VERSION "\n";
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
    if (config.command == Command::drain)
        return drain_command(config);
    if (config.command == Command::sign)
        return sign_command(config);
    // Large bodies are given back to the system at once, instead of keeping the heap at its largest.
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    Receiver receiver(std::move(config));
    receiver.run();
    if (receiver.is_connecting())
        _exit(0); // a resolver that hangs cannot be broken off, and would be waited for
    return 0;
}

} // namespace

int main(int argc, char *argv[]) {
    try {
        return run(argc, argv);
    } catch (const ConfigError &error) {
        std::fprintf(stderr, "msgstatus-receiver: %s\n", error.what());
        return 2; // a bad setting
    } catch (const std::exception &error) {
        std::fprintf(stderr, "msgstatus-receiver: %s\n", error.what());
        return 1;
    }
}
