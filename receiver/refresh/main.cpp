// msgstatus-refresh: asks Twilio for the statuses of messages and hands them to PostgreSQL. See README.md.

#include <curl/curl.h>

#include "refresh/config.hpp"
#include "refresh/program.hpp"

namespace {

using namespace msgstatus;

int start(int argc, char *argv[]) {
    const refresh::Config config = refresh::load_config(argc, argv);
    if (!receiver::begin_program(refresh::refresh_program(), config))
        return 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return refresh::run(config);
}

} // namespace

int main(int argc, char *argv[]) {
    return msgstatus::receiver::run_program(msgstatus::refresh::refresh_program(), start, argc, argv);
}
