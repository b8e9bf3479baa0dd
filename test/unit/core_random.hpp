// Random values for the property tests of the core, and a model of a status that shares nothing with the code under
// test.
#pragma once

#include "core/status.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>

namespace msgstatus::test {

// Returns what the random values of this run come from: always the same, unless MSGSTATUS_TEST_SEED says
// otherwise.
inline std::uint64_t seed() {
    const char *chosen = std::getenv("MSGSTATUS_TEST_SEED");
    return chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 20241210;
}

// Put at the top of a property test: names the random values in whatever fails below it.
#define WITH_RANDOM(random)                                                                                            \
    SCOPED_TRACE("MSGSTATUS_TEST_SEED=" + std::to_string(msgstatus::test::seed()));                                    \
    msgstatus::test::Random random(msgstatus::test::seed())

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    std::int64_t between(std::int64_t low, std::int64_t high) {
        return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
    }

    DeliveryState state() { return static_cast<DeliveryState>(between(0, state_count - 1)); }

    // A time from the whole range, from its ends, near the present, or from a handful of values that collide often.
    EventTime time() {
        switch (between(0, 5)) {
        case 0:
            return between(min_time, max_time);
        case 1:
            return between(0, 1) == 0 ? min_time + between(0, 2) : max_time - between(0, 2);
        case 2:
            return 780'000'000'000'000 + between(0, 86'400) * microseconds_per_second;
        default:
            return 780'000'000'000'000 + between(0, 3);
        }
    }

    // None to all sixteen states, small sets as often as large ones.
    Status status() {
        Status status;
        for (std::int64_t facts = between(0, between(0, 20)); facts > 0; --facts)
            observe(status, state(), time());
        return status;
    }

    // A status that is often close to the given one: the same, more of it, less of it, or one fact moved.
    Status related_to(const Status &other) {
        Status status = other;
        switch (between(0, 4)) {
        case 0:
            return status;
        case 1:
            return merge(status, this->status());
        case 2:
            status.present &= static_cast<StateSet>(between(0, 0xFFFF));
            return status;
        case 3:
            observe(status, state(), time());
            return status;
        default:
            return this->status();
        }
    }

    std::mt19937_64 &engine() { return engine_; }

private:
    std::mt19937_64 engine_;
};

// A status's contents, in the plainest form.
using Model = std::map<DeliveryState, EventTime>;

inline Model model_of(const Status &status) {
    Model model;
    for (std::size_t i = 0; i < state_count; ++i)
        if ((status.present >> i & 1U) != 0)
            model.emplace(static_cast<DeliveryState>(i), status.time[i]);
    return model;
}

inline std::string to_text(const Model &model) {
    std::string text = "{";
    for (const auto &[state, time] : model)
        text += (text.size() > 1 ? ", " : "") + std::string(state_name(state)) + ": " + std::to_string(time);
    return text + "}";
}

inline std::string to_text(const Status &status) {
    return to_text(model_of(status));
}

} // namespace msgstatus::test
