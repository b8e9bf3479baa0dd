// The triggers that users put on the table `message`.
#pragma once

namespace msgstatus {

// Returns whether there is one that can keep a row from being written: BEFORE INSERT or UPDATE, for
// each row. It locks the table as writing to it does.
bool has_trigger_before();

} // namespace msgstatus
