// What tells a request from all others in the log.
#pragma once

#include <random>
#include <string>

namespace msgstatus::receiver {

/// RequestIds does make ids of 16 hexadecimal digits at random, so that those of several receivers do not meet.
class RequestIds {
public:
    RequestIds();

    std::string next();

private:
    std::mt19937_64 random_;
};

} // namespace msgstatus::receiver
