// The settings of the extension (GUCs).
#pragma once

namespace msgstatus {

// Returns msgstatus.rollups: whether calls add changes of messages to the rollups.
bool rollups_are_on();

void define_settings();

} // namespace msgstatus
