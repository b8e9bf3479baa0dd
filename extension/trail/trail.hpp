// The statements by which observations reach the trail, each for any number of observations.
#pragma once

#include "observation/observation.hpp"

namespace msgstatus {

// Sets `is_new` on the observations that are not in the trail, and `differs` on those whose event says
// something else, or was received later. The rows of their messages must be locked.
void look_up_events(std::span<Observation *const> observations);

// Adds those that are new to the trail, and corrects those that differ.
void write_events(std::span<Observation *const> observations);

} // namespace msgstatus
