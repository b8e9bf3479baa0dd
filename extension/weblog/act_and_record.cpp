// The entry point of the actions of the web log: each leaves a record that nobody can write by hand.
#include "postgres/postgres.hpp"

#include "install/table_access.hpp"

extern "C" {
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
}

using namespace msgstatus;

namespace {

// The columns of weblog_action.
constexpr int columns = 4;
constexpr int answer = 0;

constexpr char record[] =
    "INSERT INTO msgstatus.action_log (role_name, action, detail, affected) VALUES ($1, $2, $3, $4)";

} // namespace

// Returns the answer of act_NAME(parameters), where NAME is the SQL function that was called, and writes what it did
// into `action_log`. The action has the rights of the caller; the record is written by the owner of the tables, in the
// name of the caller. Both or neither are there after the transaction.
MSGSTATUS_FUNCTION(act_and_record) {
    const char *name = get_func_name(fcinfo->flinfo->fn_oid);
    const char *act = psprintf("SELECT * FROM msgstatus.%s($1)", quote_identifier(psprintf("act_%s", name)));
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    Oid parameter_types[] = {JSONBOID};
    Datum parameters[] = {PG_ARGISNULL(0) ? Datum{0} : PG_GETARG_DATUM(0)};
    const char parameter_nulls[] = {PG_ARGISNULL(0) ? 'n' : ' ', '\0'};
    if (SPI_execute_with_args(act, 1, parameter_types, parameters, parameter_nulls, false, 0) != SPI_OK_SELECT ||
        SPI_processed != 1)
        elog(ERROR, "%s did not return a row", act);
    Datum done[columns];
    char nulls[columns + 1] = {};
    for (int i = 0; i < columns; ++i) {
        bool is_null = false;
        done[i] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &is_null);
        nulls[i] = is_null ? 'n' : ' ';
    }
    if (nulls[answer] == 'n')
        elog(ERROR, "%s did not answer", act);
    const Datum result = SPI_datumTransfer(done[answer], false, -1);

    // The caller stands in the place of the answer, which is not kept.
    Oid types[columns] = {TEXTOID, TEXTOID, JSONBOID, INT8OID};
    done[answer] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
    TableAccess access;
    if (SPI_execute_with_args(record, columns, types, done, nulls, false, 0) != SPI_OK_INSERT)
        elog(ERROR, "the action was not recorded");
    access.close();
    SPI_finish();
    return result;
}
