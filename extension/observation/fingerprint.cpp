#include "observation/fingerprint.hpp"

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

std::int32_t digest_of(const Observation &observation) {
    const MessageFacts &facts = observation.facts;
    std::uint64_t hash = 0;
    // Each text is hashed with its length, so that what moves from one to the next makes a difference.
    for (const Text text : {observation.source, observation.error.title, observation.error.details, facts.provider,
                            facts.direction, facts.sender, facts.recipient, facts.message_type, facts.content,
                            facts.media_url, facts.price_unit, facts.pricing_category})
        hash = text.empty() ? hash * 31 + 1 : hash_text(text, hash);
    if (observation.detail != nullptr)
        hash = hash_text({VARDATA(observation.detail), VARSIZE(observation.detail) - VARHDRSZ}, hash);
    if (facts.campaign_id != nullptr)
        hash = hash_bytes_extended(facts.campaign_id->data, UUID_LEN, hash);
    if (facts.metadata != nullptr)
        hash = hash_text({VARDATA(facts.metadata), VARSIZE(facts.metadata) - VARHDRSZ}, hash);
    if (facts.price != nullptr)
        hash = hash_text({VARDATA_ANY(facts.price), VARSIZE_ANY_EXHDR(facts.price)}, hash);

    std::array<unsigned char, 6> rest;
    unsigned char *p = put(rest.data(), static_cast<std::uint32_t>(facts.num_segments.value_or(-1)));
    p = put(p, static_cast<std::uint8_t>(facts.billable.has_value()));
    put(p, static_cast<std::uint8_t>(facts.billable.value_or(false)));
    return static_cast<std::int32_t>(hash_bytes_extended(rest.data(), static_cast<int>(rest.size()), hash));
}

} // namespace msgstatus
