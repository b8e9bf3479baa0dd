// The entry points of functions for roles that may not read the tables: views that take parameters.
#include "postgres/postgres.hpp"

#include "install/installation.hpp"
#include "install/table_access.hpp"
#include "privacy/viewer.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "utils/lsyscache.h"
}

using namespace msgstatus;

namespace {

// Returns the statement that calls msgstatus.read_NAME, where NAME is the called function, with one more argument.
const char *statement_for(Oid function, int arguments) {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfo(&sql, "SELECT * FROM msgstatus.%s(",
                     quote_identifier(psprintf("read_%s", get_func_name(function))));
    for (int i = 0; i <= arguments; ++i)
        appendStringInfo(&sql, i == 0 ? "$%d" : ", $%d", i + 1);
    appendStringInfoChar(&sql, ')');
    return sql.data;
}

ParamListInfo parameters(FunctionCallInfo fcinfo, const Oid *types, bool sees_all) {
    ParamListInfo list = makeParamList(fcinfo->nargs + 1);
    list->params[0] = {BoolGetDatum(sees_all), false, PARAM_FLAG_CONST, BOOLOID};
    for (int i = 0; i < fcinfo->nargs; ++i)
        list->params[i + 1] = {fcinfo->args[i].value, fcinfo->args[i].isnull, PARAM_FLAG_CONST, types[i]};
    return list;
}

// Returns a receiver that stores the rows in the tuplestore of a set-returning function.
DestReceiver *receiver_of_rows(FunctionCallInfo fcinfo) {
    InitMaterializedSRF(fcinfo, 0);
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    DestReceiver *receiver = CreateDestReceiver(DestTuplestore);
    SetTuplestoreDestReceiverParams(receiver, result->setResult, result->econtext->ecxt_per_query_memory, false,
                                    result->setDesc, "the columns of the function and of what it reads differ");
    return receiver;
}

Datum read(FunctionCallInfo fcinfo, bool sees_all) {
    const Oid function = fcinfo->flinfo->fn_oid;
    Oid *types = nullptr;
    int arguments = 0;
    const Oid result_type = get_func_signature(function, &types, &arguments);
    DestReceiver *receiver = fcinfo->flinfo->fn_retset ? receiver_of_rows(fcinfo) : nullptr;

    TableAccess access;
    Oid *all_types = static_cast<Oid *>(palloc((arguments + 1) * sizeof(Oid)));
    all_types[0] = BOOLOID;
    std::copy_n(types, arguments, all_types + 1);
    SPIPlanPtr plan = SPI_prepare(statement_for(function, arguments), arguments + 1, all_types);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    SPIExecuteOptions options{};
    options.params = parameters(fcinfo, types, sees_all);
    options.read_only = true;
    options.dest = receiver;
    if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
        elog(ERROR, "SPI_execute_plan_extended failed");

    // A set-returning function returns its tuplestore, and NULL as its value.
    Datum result = 0;
    fcinfo->isnull = true;
    if (receiver == nullptr && SPI_processed > 0) {
        result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &fcinfo->isnull);
        if (!fcinfo->isnull)
            result = SPI_datumTransfer(result, get_typbyval(result_type), get_typlen(result_type));
    }
    access.close();
    return result;
}

} // namespace

// Returns the result of read_NAME(sees_all, ...), called as the owner of the table `message`, where NAME is the SQL
// function that was called. All functions of level `analyst` use this entry point. read_NAME gets the same arguments,
// preceded by whether the caller may read `message` itself and so is shown ids and addresses in full. The SQL functions
// turn JIT compilation off: the planner overestimates partitioned and correlated scans, and compiling them then takes
// longer than running them.
//
// Raises 42501 if row-level security hides rows from the caller. Reading with the caller's rights instead would require
// rights on the rollups, which count hidden rows too. Raises 55000 if install() was not called.
MSGSTATUS_FUNCTION(read_as_owner) {
    const Oid message = find_installation().message_table;
    refuse_policies(message, GetUserId());
    refuse_policies(get_relname_relid("status_event", get_namespace_oid("msgstatus", false)), GetUserId());
    return read(fcinfo, may_read_all(message, GetUserId()));
}

// Returns the result of read_NAME as read_as_owner does, for functions that return only totals. Does not refuse callers
// from whom row-level security hides rows: the totals count hidden rows, as the views of the rollups do.
MSGSTATUS_FUNCTION(read_totals_as_owner) {
    return read(fcinfo, may_read_all(find_installation().message_table, GetUserId()));
}
