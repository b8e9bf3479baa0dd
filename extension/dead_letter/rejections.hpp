// The statements that insert dead letters into rejected_status.
#pragma once

#include "observation/batch.hpp"

namespace msgstatus {

// Returns the dead letter of a status object that could be read.
Rejection rejection_of(const StatusObject &object, const Observation &o, const char *reason);

// Inserts the rejections of a call.
void insert_rejections(std::span<const Rejection> rejections);

// Inserts a body that jsonb refuses.
void insert_rejected_body(Text body, Text reason, EventTime received_at, Text source);

} // namespace msgstatus
