#include "pg/observation.hpp"

#include <cstring>

extern "C" {
#include "common/hashfn.h"
}

namespace msgstatus {
namespace {

constexpr std::size_t key_size = 1 + 1 + 1 + 4 + 8;

// The integers are written byte by byte, so that there is no padding to hash.
template <typename Integer>
unsigned char *put(unsigned char *out, Integer value) {
    for (std::size_t i = 0; i < sizeof(Integer); ++i)
        *out++ = static_cast<unsigned char>(static_cast<std::uint64_t>(value) >> (8 * i));
    return out;
}

std::uint64_t hash_text(Text text, std::uint64_t seed) {
    return hash_bytes_extended(reinterpret_cast<const unsigned char *>(text.data()), static_cast<int>(text.size()),
                               seed);
}

} // namespace

std::int64_t fingerprint_of(const Observation &observation) {
    std::array<unsigned char, key_size> key;
    unsigned char *p = key.data();
    p = put(p, static_cast<std::uint8_t>(observation.state));
    p = put(p, static_cast<std::uint8_t>(observation.time_of_receipt));
    p = put(p, static_cast<std::uint8_t>(observation.error.code.has_value()));
    p = put(p, static_cast<std::uint32_t>(observation.error.code.value_or(0)));
    put(p, static_cast<std::uint64_t>(observation.time_of_receipt ? 0 : observation.event_time));

    std::uint64_t hash = hash_bytes_extended(key.data(), key_size, 0);
    hash = hash_text(observation.message_id, hash);
    if (!observation.participant.empty())
        hash = hash_text(observation.participant, hash);
    return static_cast<std::int64_t>(hash);
}

} // namespace msgstatus
