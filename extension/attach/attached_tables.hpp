// The tables that users attached, as every backend remembers them.
#pragma once

#include "postgres/vector.hpp"

namespace msgstatus {

// A row of attached_table, and what else is to be known of the target.
struct AttachedTable {
    int id = 0;
    Oid target = InvalidOid;
    const char *key_column = nullptr;
    Oid attached_by = InvalidOid;
    const char *search_path = nullptr;
    const char *update_sql = nullptr;
    bool shows_error_text = false;
    bool key_has_index = false;
    // It may have rows in attached_table_failure.
    bool has_failures = false;
};

// attached_tables returns the attached tables that are still there, in the order of their ids, in the current memory
// context. Within SPI and as the owner of the tables. Who has locked `message` since before, as every write to it does,
// learns of every table attached before: attach_table holds a lock against writers when it commits.
Vector<AttachedTable> attached_tables();

// find_attached_table returns the one of the id; nothing where there is none.
std::optional<AttachedTable> find_attached_table(int id);

// forget_attached_tables makes every backend, at commit, look again.
void forget_attached_tables();

} // namespace msgstatus
