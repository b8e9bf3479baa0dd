// Stand-ins for message ids.
#pragma once

#include "pg/postgres.hpp"

namespace msgstatus {

// stand_in_of returns what is shown of an id to who must not see it.
text *stand_in_of(std::string_view key, std::string_view id);

} // namespace msgstatus
