// What tells a request from all others in the log.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace msgstatus::receiver {

/// RequestIds does make ids of 16 hexadecimal digits at random, so that those of several receivers do not meet.
class RequestIds {
public:
    RequestIds();

    std::string next();

private:
    std::mt19937_64 random_;
};

/// is_request_id does tell whether an id from elsewhere is fit for the log and for an answer: 1 to 64 letters, digits,
/// `-`, `_` and `.`.
bool is_request_id(std::string_view text) noexcept;

} // namespace msgstatus::receiver
