// The parts of every fuzz target: its input as text, and checks whose failure is a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// FUZZ_CHECK ends the program where a property does not hold, so that libFuzzer keeps the input.
#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                        \
            std::abort();                                                                                              \
        }                                                                                                              \
    } while (false)

// The entry point that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace msgstatus::fuzz {

inline std::string_view text_of(const std::uint8_t *data, std::size_t size) noexcept {
    return {reinterpret_cast<const char *>(data), size};
}

// Takes an input apart from the front. Past its end everything is zero or empty.
class Input {
public:
    explicit Input(std::string_view rest) noexcept : rest_(rest) {}

    std::uint8_t byte() noexcept {
        if (rest_.empty())
            return 0;
        const auto byte = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        return byte;
    }

    std::uint64_t number() noexcept {
        std::uint64_t number = 0;
        for (int i = 0; i < 8; ++i)
            number = number << 8 | byte();
        return number;
    }

    // The text up to a line feed, which is taken, too.
    std::string_view line() noexcept {
        const std::size_t end = rest_.find('\n');
        const std::string_view line = rest_.substr(0, end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        return line;
    }

    std::string_view rest() const noexcept { return rest_; }
    bool empty() const noexcept { return rest_.empty(); }

private:
    std::string_view rest_;
};

} // namespace msgstatus::fuzz
