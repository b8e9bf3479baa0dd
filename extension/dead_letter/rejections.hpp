// The statements by which what cannot be used reaches rejected_status.
#pragma once

#include "observation/batch.hpp"

namespace msgstatus {

// insert_rejections keeps what could not be used.
void insert_rejections(std::span<const Rejection> rejections);

// insert_rejected_body keeps a body that jsonb refuses.
void insert_rejected_body(Text body, Text reason, EventTime received_at, Text source);

} // namespace msgstatus
