// What a role may be shown of the tables by what reads them with the rights of their owner.
#pragma once

#include "pg/postgres.hpp"

namespace msgstatus {

// may_read_all returns whether the role may read each row and column of the table.
bool may_read_all(Oid table, Oid role);

// refuse_policies raises insufficient_privilege (42501) with a HINT where the role may read the table, in whole or in
// part, but row-level security hides rows from it: the owner, as whom the rows are read, would see them.
void refuse_policies(Oid table, Oid role);

} // namespace msgstatus
