// How the facts of a message are merged within a call.
#pragma once

#include "message/message_change.hpp"

namespace msgstatus {

// Merges what was observed into the change of its message, by the rules of change_columns.
void merge_observation(MessageChange &change, const Observation &observation);

} // namespace msgstatus
