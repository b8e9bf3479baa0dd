// Checks what a role may see of tables that a function or view reads with the rights of their owner.
#pragma once

#include "postgres/postgres.hpp"

namespace msgstatus {

// Returns whether the role may read every row and column of the table.
bool may_read_all(Oid table, Oid role);

// Raises insufficient_privilege (42501) with a HINT if the role may read the table, or a column of it, but row-level
// security hides rows from the role. The read runs as the owner, who would see these rows.
void refuse_policies(Oid table, Oid role);

} // namespace msgstatus
