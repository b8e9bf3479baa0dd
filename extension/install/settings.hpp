// The settings of the extension (GUCs).
#pragma once

namespace msgstatus {

// msgstatus.rollups: whether calls add changes of messages to the rollups.
extern bool rollups_are_on;

void define_settings();

} // namespace msgstatus
