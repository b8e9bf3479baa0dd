// msgstatus-receiver: takes status webhooks over HTTP and hands them to PostgreSQL. See README.md.

#include <cstdio>
#include <exception>
#include <utility>

#include "commands/commands.hpp"
#include "config/config.hpp"
#include "observe/log.hpp"
#include "receiver.hpp"

int main(int argc, char *argv[]) {
    using namespace msgstatus::receiver;
    constexpr int failure = 1;
    constexpr int bad_setting = 2;
    try {
        LoadedConfig loaded = load_config(argc, argv);
        if (loaded.print) {
            std::fputs(loaded.print->text.c_str(), stdout);
            return 0;
        }
        start_log(loaded.config.log_level, loaded.config.log_format);
        for (const std::string &warning : loaded.config.warnings)
            log(LogLevel::warning, "setting", {{"reason", warning}});
        if (loaded.config.check_only) {
            std::puts("the settings are right");
            return 0;
        }
        switch (loaded.config.command) {
        case Command::inspect:
            return inspect_command(loaded.config);
        case Command::drain:
            return drain_command(loaded.config);
        case Command::salvage:
            return salvage_command(loaded.config);
        case Command::sign:
            return sign_command(loaded.config);
        case Command::serve:
            break;
        }
        Receiver(std::move(loaded.config)).run();
        return 0;
    } catch (const ConfigError &error) {
        std::fprintf(stderr, "msgstatus-receiver: %s\n", error.what());
        return bad_setting;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "msgstatus-receiver: %s\n", error.what());
        return failure;
    }
}
