// The statements by which observations reach the trail, each for any number of observations.
#pragma once

#include "observation/observation.hpp"

namespace msgstatus {

// Sets `is_new` on the observations that are not in the trail, and `differs` on those whose event says
// something else, or was received later. The rows of their messages must be locked.
void look_up_events(std::span<Observation *const> observations);

// Adds new observations to the trail.
void insert_events(std::span<Observation *const> observations);

// Lets an earlier receipt of a known observation take the place of a later one, ties broken by value.
// Without it, the trail would depend on the order of the calls.
void correct_events(std::span<Observation *const> observations);

} // namespace msgstatus
