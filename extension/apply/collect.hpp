// Observations of one call, sorted and joined by message.
#pragma once

#include "message/message_change.hpp"

namespace msgstatus {

// Returns how two observations sort by message and fingerprint: below 0, 0 if one repeats the other,
// or above 0.
int compare_identity(const Observation &a, const Observation &b);

// Returns the observations by message, so that every call locks in the same order; repetitions
// together, the one that stays first.
Vector<Observation *> sort_observations(Vector<Observation> &observations);

// Returns the first repetition of each observation.
Vector<Observation *> distinct_of(const Vector<Observation *> &sorted);

// Returns what the observations say, by message.
Vector<MessageChange> changes_of(const Vector<Observation *> &sorted, const Vector<Observation *> &distinct);

} // namespace msgstatus
