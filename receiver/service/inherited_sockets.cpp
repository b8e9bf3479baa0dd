#include "service/inherited_sockets.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace msgstatus::receiver {
namespace {

constexpr int first_descriptor = 3;

std::string_view variable(const char *name) {
    const char *value = std::getenv(name);
    return value != nullptr ? value : "";
}

int number(std::string_view text) {
    int value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    return ec == std::errc() && end == text.data() + text.size() ? value : 0;
}

} // namespace

std::optional<int> inherited_socket(std::string_view name) {
    if (number(variable("LISTEN_PID")) != getpid()) // else they are for another process
        return std::nullopt;
    const int count = number(variable("LISTEN_FDS"));
    std::string_view names = variable("LISTEN_FDNAMES");
    for (int i = 0; i < count; ++i) {
        const std::size_t colon = std::min(names.find(':'), names.size());
        if (names.substr(0, colon) == name) {
            const int descriptor = first_descriptor + i;
            fcntl(descriptor, F_SETFD, FD_CLOEXEC);
            return descriptor;
        }
        names.remove_prefix(std::min(colon + 1, names.size()));
    }
    return std::nullopt;
}

} // namespace msgstatus::receiver
