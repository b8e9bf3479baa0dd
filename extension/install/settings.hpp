// The settings of the extension (GUCs).
#pragma once

namespace msgstatus {

// msgstatus.rollups: whether changes of messages are added to the rollups.
extern bool rollups_are_on;

void define_settings();

} // namespace msgstatus
