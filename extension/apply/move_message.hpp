// What a message has under one id, moved to another.
#pragma once

#include "rollup/rollup_changes.hpp"

namespace msgstatus {

// Makes a message part of another one, or gives it the other's id if there is none: row, trail and rollups. Both ids
// are locked. Within SPI, as the owner of the tables. What changes of the rollups is the caller's to write. Raises
// 09000 where a trigger keeps a row from being written, and what the tables raise.
void move_message(Text from, Text to, RollupChanges &rollups);

// Moves what a campaign recorded as sent under an id. Where both ids were recorded as sends, these stay two.
void move_sends(Text from, Text to);

} // namespace msgstatus
