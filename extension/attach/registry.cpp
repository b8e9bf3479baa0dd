// The SQL functions that write down which tables are attached.
#include "postgres/postgres.hpp"

#include "install/table_access.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/varlena.h"
}

using namespace msgstatus;

namespace {

// Whether the caller may change the entry of table `a`.
constexpr const char *may_change =
    "(pg_catalog.pg_has_role($1, a.attached_by, 'USAGE') OR pg_catalog.pg_has_role($1, CURRENT_USER, 'USAGE') "
    "OR EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = a.target AND pg_catalog.pg_has_role($1, c.relowner, "
    "'USAGE')))";

[[noreturn]] void raise_not_allowed() {
    ereport(ERROR,
            (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for the attached table"),
             errdetail("It can be changed by the role that attached it, by the table's owner, and by the owner of "
                       "the tables of msgstatus.")));
}

// A caller of apply_message_status may have temporary tables. A trigger of the attached table, which runs with other
// rights, must not find them in place of the tables that it means.
text *with_temporary_tables_last(text *search_path) {
    char *copy = text_to_cstring(search_path);
    List *schemas = NIL;
    if (!SplitIdentifierString(copy, ',', &schemas))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid list syntax in search_path")));
    ListCell *cell = nullptr;
    foreach (cell, schemas)
        if (std::string_view(static_cast<const char *>(lfirst(cell))) == "pg_temp")
            return search_path;
    const char *separator = schemas == NIL ? "" : ", ";
    return cstring_to_text(psprintf("%s%spg_temp", text_to_cstring(search_path), separator));
}

// Runs a statement that changes a row which the caller may change, and returns the first column of what it returns;
// nothing where it returns no row.
template <std::size_t n>
std::optional<Datum> execute(const char *sql, std::array<Oid, n> types, std::array<Datum, n> values) {
    const int result = SPI_execute_with_args(sql, static_cast<int>(n), types.data(), values.data(), nullptr, false, 0);
    if (result < 0)
        elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
    if (SPI_tuptable == nullptr || SPI_processed == 0)
        return std::nullopt;
    bool is_null = false;
    return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
}

} // namespace

// Inserts or replaces the row of an attached table, and returns its attached_table_id. Parameters: the target and its
// key_column, by which the row is found; columns; update_sql; search_path; time_zone. The row is attached by the
// current user, which no argument can say otherwise: the statement runs with that user's rights. Raises 42501 unless
// the caller attached the table, owns it, or owns the tables of msgstatus, and 22023 for a search_path that is none.
MSGSTATUS_FUNCTION(store_attached_table) {
    const Oid caller = GetUserId();
    text *search_path = with_temporary_tables_last(PG_GETARG_TEXT_PP(4));
    TableAccess access;
    const char *sql = psprintf(
        "INSERT INTO msgstatus.attached_table AS a (attached_by, target, key_column, columns, update_sql, search_path, "
        "time_zone) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (target, key_column) DO UPDATE SET attached_by = "
        "$1, "
        "columns = $4, update_sql = $5, search_path = $6, time_zone = $7, attached_at = pg_catalog.now() WHERE %s "
        "RETURNING a.attached_table_id",
        may_change);
    const auto id = execute<7>(sql, {REGROLEOID, REGCLASSOID, NAMEOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID},
                               {ObjectIdGetDatum(caller), PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2),
                                PG_GETARG_DATUM(3), PointerGetDatum(search_path), PG_GETARG_DATUM(5)});
    if (!id)
        raise_not_allowed();
    access.close();
    PG_RETURN_DATUM(*id);
}

// Deletes the row of an attached table with its failures, and returns whether there was one. Parameter: the
// attached_table_id. Raises 42501 unless the caller attached the table, owns it, or owns the tables of
// msgstatus.
MSGSTATUS_FUNCTION(remove_attached_table) {
    const Oid caller = GetUserId();
    TableAccess access;
    const auto allowed = execute<2>(
        psprintf("SELECT %s FROM msgstatus.attached_table AS a WHERE a.attached_table_id = $2 FOR UPDATE", may_change),
        {OIDOID, INT4OID}, {ObjectIdGetDatum(caller), PG_GETARG_DATUM(0)});
    if (allowed && !DatumGetBool(*allowed))
        raise_not_allowed();
    if (allowed)
        execute<1>("DELETE FROM msgstatus.attached_table AS a WHERE a.attached_table_id = $1", {INT4OID},
                   {PG_GETARG_DATUM(0)});
    access.close();
    PG_RETURN_BOOL(allowed.has_value());
}

// Tells other sessions that attached_table has changed: the trigger on it. They hear of it when the transaction
// commits, before it releases its locks. Raises 39P01 where it is called as anything else.
MSGSTATUS_FUNCTION(announce_attached_tables) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("not called as a trigger")));
    CacheInvalidateRelcache(reinterpret_cast<TriggerData *>(fcinfo->context)->tg_relation);
    return PointerGetDatum(nullptr);
}
