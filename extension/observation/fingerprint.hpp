// By what observations are told apart.
#pragma once

#include "observation/observation.hpp"

namespace msgstatus {

// Returns a 64-bit number by which two observations are told apart: by message, state, participant,
// error code, and the time where it is the provider's. A time of receipt does not count: the same callback delivered
// twice is one observation. It is stored; PostgreSQL keeps its hash stable for the sake of hash partitioning.
std::int64_t fingerprint_of(const Observation &observation);

// Returns a 32-bit number of everything else that was said: source, texts, detail and facts. By it a
// redelivery is told from a repetition that brings news.
std::int32_t digest_of(const Observation &observation);

} // namespace msgstatus
