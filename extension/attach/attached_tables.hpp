// The attached tables, as each backend caches them.
#pragma once

#include "postgres/vector.hpp"

namespace msgstatus {

// A row of attached_table, and properties of its target.
struct AttachedTable {
    int id = 0;
    Oid target = InvalidOid;
    const char *key_column = nullptr;
    Oid attached_by = InvalidOid;
    const char *search_path = nullptr;
    const char *update_sql = nullptr;
    bool shows_error_text = false;
    bool key_has_index = false;
    // Whether the table may have rows in attached_table_failure.
    bool has_failures = false;
};

// Returns the attached tables that still exist, in the order of their ids, in the current memory context. Requires an
// open SPI connection and the owner of the tables as the current user. If the caller holds a lock on `message`, as
// every writer does, the list is complete: attach_table commits while it holds a lock that conflicts with writers.
Vector<AttachedTable> attached_tables();

// Returns the attached table with the id; nothing if there is none.
std::optional<AttachedTable> find_attached_table(int id);

// Makes every backend read the list again, from the commit of this transaction on.
void forget_attached_tables();

} // namespace msgstatus
