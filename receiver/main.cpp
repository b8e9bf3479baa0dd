// msgstatus-receiver: takes status webhooks over HTTP and hands them to PostgreSQL. See README.md.

#include <utility>

#include <malloc.h>
#include <unistd.h>

#include "commands/commands.hpp"
#include "config/config.hpp"
#include "receiver.hpp"

namespace {

using namespace msgstatus::receiver;

int run(int argc, char *argv[]) {
    Config config = load_config(argc, argv);
    if (!begin_program(receiver_program(), config))
        return 0;
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
    return msgstatus::receiver::run_program(msgstatus::receiver::receiver_program(), run, argc, argv);
}
