// Updates all attached tables from the messages that one call has written.
#pragma once

#include "message/written_message.hpp"
#include "postgres/vector.hpp"

namespace msgstatus {

// Brings the rows of the messages that a call wrote up to date, in every attached table. Within SPI, as
// the owner of the tables, and while the messages' rows are locked. What a table makes of it does not fail the call:
// see reflect_in().
void reflect_written(const Vector<WrittenMessage> &messages);

// Does the same for the messages that have these ids, sorted and distinct, aliases among them, as they are.
void reflect_known(const Vector<Text> &ids);

} // namespace msgstatus
