// msgstatus-console: the web log, for people who do not write SQL. See README.md.

#include <utility>

#include <unistd.h>

#include "console/console.hpp"
#include "console/settings.hpp"

namespace {

using namespace msgstatus::receiver;

int run(int argc, char *argv[]) {
    ConsoleConfig config = load_console_config(argc, argv);
    if (!begin_program(console_program(), config))
        return 0;
    Console console(std::move(config));
    console.run();
    _exit(0); // a thread that connects, or cancels, cannot be broken off, and would be waited for
}

} // namespace

int main(int argc, char *argv[]) {
    return msgstatus::receiver::run_program(msgstatus::receiver::console_program(), run, argc, argv);
}
