#include "http/request_id.hpp"

namespace msgstatus::receiver {

RequestIds::RequestIds() {
    std::random_device source;
    std::seed_seq seed{source(), source(), source(), source()};
    random_.seed(seed);
}

std::string RequestIds::next() {
    constexpr const char *digits = "0123456789abcdef";
    std::string id(16, '0');
    std::uint64_t number = random_();
    for (char &digit : id) {
        digit = digits[number % 16];
        number /= 16;
    }
    return id;
}

bool is_request_id(std::string_view text) noexcept {
    constexpr std::size_t longest = 64;
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    return !text.empty() && text.size() <= longest && text.find_first_not_of(allowed) == std::string_view::npos;
}

} // namespace msgstatus::receiver
