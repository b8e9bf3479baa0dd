// Stand-ins for message ids.
#pragma once

#include "postgres/postgres.hpp"

namespace msgstatus {

// Returns the stand-in of an id. Raises invalid_parameter_value (22023) for an id of more than 8192 bytes.
text *stand_in_of(std::string_view key, std::string_view id);

} // namespace msgstatus
