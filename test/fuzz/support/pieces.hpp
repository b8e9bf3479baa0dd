// How bytes arrive from a network: in pieces of any size.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string_view>

namespace msgstatus::fuzz {

// Calls take(piece) for each piece of the text, in order: all in one for seed 0, else cut into some dozens of pieces at
// most, at places that the seed decides.
template <typename Take>
void for_each_piece(std::string_view text, std::uint8_t seed, Take take) {
    if (seed == 0) {
        take(text);
        return;
    }
    std::minstd_rand random(seed);
    const std::size_t longest = std::max<std::size_t>(text.size() / 16, seed % 3 == 0 ? 1 : seed % 3 == 1 ? 7 : 200);
    while (!text.empty()) {
        const std::size_t size = std::min<std::size_t>(text.size(), 1 + random() % longest);
        take(text.substr(0, size));
        text.remove_prefix(size);
    }
}

} // namespace msgstatus::fuzz
