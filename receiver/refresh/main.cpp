// msgstatus-refresh: asks Twilio for the statuses of messages and hands them to PostgreSQL. See README.md.

#include <cstdio>
#include <exception>
#include <string>

#include <curl/curl.h>

#include "observe/log.hpp"
#include "refresh/config.hpp"
#include "refresh/program.hpp"

namespace {

using namespace msgstatus;

int start(int argc, char *argv[]) {
    const refresh::Config config = refresh::load_config(argc, argv);
    if (!config.show.empty()) {
        const std::string text = config.show == "help"       ? receiver::help_text(refresh::refresh_program())
                                 : config.show == "settings" ? receiver::settings_table(refresh::refresh_program())
                                                             : "msgstatus-refresh " MSGSTATUS_VERSION "\n";
        std::fputs(text.c_str(), stdout);
        return 0;
    }
    receiver::start_log(config.log_level, config.log_format);
    for (const std::string &warning : config.warnings)
        receiver::log(receiver::LogLevel::warning, "setting", {{"reason", warning}});
    if (config.check_only) {
        std::puts("the settings are right");
        return 0;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return refresh::run(config);
}

} // namespace

int main(int argc, char *argv[]) {
    try {
        return start(argc, argv);
    } catch (const receiver::ConfigError &error) {
        std::fprintf(stderr, "msgstatus-refresh: %s\n", error.what());
        return 2; // a bad setting
    } catch (const std::exception &error) {
        std::fprintf(stderr, "msgstatus-refresh: %s\n", error.what());
        return 1;
    }
}
