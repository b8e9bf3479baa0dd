// The SQL function that shows checks of messages in attached tables.
#include "postgres/postgres.hpp"

#include "install/table_access.hpp"
#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"
#include "postgres/subtransaction.hpp"
#include "postgres/text_array.hpp"
#include "reflect/reflect.hpp"
#include "reflect/update.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
}

using namespace msgstatus;

namespace {

PreparedStatement tables_statement(R"(
SELECT a.attached_table_id FROM msgstatus.attached_table AS a
WHERE a.columns OPERATOR(pg_catalog.?) 'last_status_check' ORDER BY a.attached_table_id)",
                                   Lookup::as_planned);

PreparedStatement update_statement(R"(
SELECT msgstatus.reflecting_update(a.target, a.key_column,
    pg_catalog.jsonb_build_object('last_status_check', a.columns OPERATOR(pg_catalog.->) 'last_status_check'), a.time_zone)
FROM msgstatus.attached_table AS a WHERE a.attached_table_id = $1)",
                                   Lookup::as_planned);

Vector<int> tables_with_checks() {
    Vector<int> ids;
    tables_statement.execute({}, {}, nullptr, latest_snapshot());
    for (std::uint64_t i = 0; i < SPI_processed; ++i) {
        bool is_null = false;
        ids.push(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null)));
    }
    return ids;
}

void show_checks(int table_id, std::span<const Reflection> messages) {
    auto table = find_attached_table(table_id);
    if (!table)
        return;
    update_statement.execute(INT4OID, Int32GetDatum(table_id), latest_snapshot());
    if (SPI_processed == 0)
        return;
    table->update_sql = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
    // Statements are kept by the table's id, and the id itself has the statement for statuses.
    table->id = -table_id;
    update_attached_table(*table, messages, true);
}

} // namespace

// Shows the time of a check in every attached table with a column for it. Parameters: the ids of the messages, in any
// order; the time. A status that changes a row shows the time of the change there anyhow; this is for checks that
// bring nothing. So an error of a table, such as a row that somebody has locked, is no failure to be tried again.
MSGSTATUS_FUNCTION(reflect_checks) {
    Vector<Text> ids = texts_of(PG_GETARG_ARRAYTYPE_P(0));
    sort_and_distinct(ids);
    Vector<Reflection> messages;
    for (const Text id : ids) {
        Reflection reflection;
        reflection.message_id = id;
        reflection.changed_at = PG_GETARG_TIMESTAMPTZ(1);
        messages.push(reflection);
    }
    TableAccess access;
    check_reflections();
    for (const int table_id : tables_with_checks()) {
        ErrorData *error = attempt([&] { show_checks(table_id, {messages.begin(), messages.size()}); });
        if (error != nullptr && is_not_the_tables_fault(*error))
            ReThrowError(error);
    }
    access.close();
    PG_RETURN_VOID();
}
