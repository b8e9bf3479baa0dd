#include "workload.hpp"

#include <array>
#include <numeric>
#include <utility>

namespace bench {
namespace {

constexpr std::int64_t first_time = 1'733'800'000; // 2024-12-10
constexpr std::array<std::string_view, 4> categories{"marketing", "utility", "authentication", "service"};

// Sebastiano Vigna's splitmix64.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

// A number for each message and purpose, which looks random.
std::uint64_t random_of(std::uint32_t message, std::uint32_t purpose) {
    return mix((std::uint64_t{purpose} << 32) | message);
}

// The numbers below `count` in an order of their own for each seed. std::shuffle may differ between libraries.
std::vector<std::uint32_t> permutation(std::uint32_t count, std::uint64_t seed) {
    std::vector<std::uint32_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 0U);
    for (std::uint32_t i = count; i > 1; --i)
        std::swap(numbers[i - 1], numbers[mix(seed * 0x1000000000 + i) % i]);
    return numbers;
}

void append_base64(std::string &out, std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j)
            group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j)
            out += i + j <= bytes.size() ? digits[group >> (18 - 6 * j) & 63] : '=';
    }
}

} // namespace

std::string_view name_of(State state) {
    constexpr std::array<std::string_view, 3> names{"sent", "delivered", "read"};
    return names[static_cast<std::size_t>(state)];
}

std::uint64_t size_of(Order order, std::uint32_t messages) {
    switch (order) {
    case Order::loaded:
        return messages;
    case Order::updates:
        return std::uint64_t{messages} * 2;
    case Order::lifecycle:
        break;
    }
    return std::uint64_t{messages} * 3;
}

std::vector<Status> shuffled_statuses(Order order, std::uint32_t messages, std::uint64_t first, std::uint64_t count) {
    std::vector<Status> statuses;
    statuses.reserve(count);
    if (order == Order::lifecycle) {
        const auto numbers = permutation(messages * 3, 4);
        for (std::uint64_t n = first; n < first + count; ++n)
            statuses.push_back({numbers[n] / 3, static_cast<State>(numbers[n] % 3)});
        return statuses;
    }
    std::array<std::vector<std::uint32_t>, 2> passes;
    for (std::uint64_t n = first; n < first + count; ++n) {
        const std::uint64_t pass = n / messages;
        if (passes[pass].empty())
            passes[pass] = permutation(messages, order == Order::loaded ? 1 : 2 + pass);
        const std::uint32_t message = passes[pass][n % messages];
        // Half of the messages are read before they are delivered.
        const bool read_first = random_of(message, 1) % 2 == 0;
        statuses.push_back({message, order == Order::loaded      ? State::sent
                                     : (pass == 0) == read_first ? State::read
                                                                 : State::delivered});
    }
    return statuses;
}

void append_recipient(std::string &out, std::uint32_t message) {
    out += "91";
    out += std::to_string(6'000'000'000 + random_of(message, 2) % 4'000'000'000);
}

void append_message_id(std::string &out, std::uint32_t message) {
    std::string bytes("\x1c\x18\x0c", 3);
    append_recipient(bytes, message);
    bytes.append("\x15\x02\x00\x11\x18\x12", 6);
    constexpr std::string_view digits = "0123456789ABCDEF";
    // The number itself is part of the digits, so ids differ for certain.
    std::uint64_t random = random_of(message, 3);
    for (int i = 0; i < 10; ++i, random >>= 4)
        bytes += digits[random & 15];
    for (int i = 0; i < 8; ++i)
        bytes += digits[message >> (4 * i) & 15];
    bytes += '\0';
    out += "wamid.";
    append_base64(out, bytes);
}

std::int64_t event_time(Status status) {
    const std::int64_t sent = first_time + static_cast<std::int64_t>(random_of(status.message, 4) % 2'000'000);
    const std::int64_t delivered = sent + 1 + static_cast<std::int64_t>(random_of(status.message, 5) % 30);
    switch (status.state) {
    case State::sent:
        return sent;
    case State::delivered:
        return delivered;
    case State::read:
        break;
    }
    return delivered + 1 + static_cast<std::int64_t>(random_of(status.message, 6) % 7200);
}

std::int64_t fingerprint(Status status) {
    return static_cast<std::int64_t>(random_of(status.message, 9 + static_cast<std::uint32_t>(status.state)));
}

bool has_pricing(Status status) {
    return status.state != State::read;
}

std::string_view pricing_category(std::uint32_t message) {
    return categories[random_of(message, 7) % categories.size()];
}

bool is_billable(std::uint32_t message) {
    return random_of(message, 8) % 4 != 0;
}

} // namespace bench
