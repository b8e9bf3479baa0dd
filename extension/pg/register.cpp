// What register_message, which is SQL, needs to have counted.
#include "pg/postgres.hpp"

#include "pg/rollups.hpp"
#include "pg/tables.hpp"

using namespace msgstatus;

MSGSTATUS_FUNCTION(count_written_message) {
    // Another version's SQL may call it.
    if (PG_NARGS() != written_column_count)
        elog(ERROR, "count_written_message takes %d columns, not %d", written_column_count, PG_NARGS());
    std::array<Datum, written_column_count> values;
    std::array<bool, written_column_count> nulls;
    for (int i = 0; i < written_column_count; ++i) {
        values[i] = PG_GETARG_DATUM(i);
        nulls[i] = PG_ARGISNULL(i);
    }
    // message_id, last_change, created_at and status are there in every row.
    for (const int i : {0, 1, 3, 4})
        if (nulls[i])
            PG_RETURN_VOID();
    const WrittenMessage message = written_message(values.data(), nulls.data());
    TableAccess access;
    RollupChanges rollups;
    rollups.add(message);
    rollups.write();
    access.close();
    PG_RETURN_VOID();
}
