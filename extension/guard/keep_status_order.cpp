// The trigger keep_status_order: no update makes the state of a guarded column go back.
#include "postgres/postgres.hpp"

#include "core/status.hpp"
#include "guard/guarded_columns.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"

#include "utils/date.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"
}

using namespace msgstatus;

namespace {

// The value that replaces the new one.
struct Replacement {
    Datum value = 0;
};

[[noreturn]] void raise_wrong_event() {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("keep_status_order() must be fired BEFORE UPDATE FOR EACH ROW"),
                    errhint("Write: CREATE TRIGGER keep_status_order BEFORE UPDATE ON your_table FOR EACH ROW EXECUTE "
                            "FUNCTION msgstatus.keep_status_order('your_column').")));
}

void check_call(FunctionCallInfo fcinfo) {
    const bool is_trigger = CALLED_AS_TRIGGER(fcinfo);
    const TriggerEvent event = is_trigger ? reinterpret_cast<TriggerData *>(fcinfo->context)->tg_event : 0;
    if (!is_trigger || !TRIGGER_FIRED_BEFORE(event) || !TRIGGER_FIRED_FOR_ROW(event) || !TRIGGER_FIRED_BY_UPDATE(event))
        raise_wrong_event();
}

// Reads the arguments once in a statement: the FmgrInfo of a trigger lives as long.
const Vector<GuardedColumn> &guarded_columns(FunctionCallInfo fcinfo, const TriggerData &trigger) {
    FmgrInfo &function = *fcinfo->flinfo;
    if (function.fn_extra == nullptr) {
        const MemoryContext caller = MemoryContextSwitchTo(function.fn_mcxt);
        const Vector<GuardedColumn> columns = read_guarded_columns(trigger.tg_relation, *trigger.tg_trigger);
        auto *kept = static_cast<Vector<GuardedColumn> *>(palloc(sizeof columns));
        *kept = columns;
        MemoryContextSwitchTo(caller);
        function.fn_extra = kept;
    }
    return *static_cast<Vector<GuardedColumn> *>(function.fn_extra);
}

std::optional<Replacement> merged_status(const GuardedColumn &column, Datum before, Datum after) {
    const Status old_status = status_of_datum(before);
    const Status new_status = status_of_datum(after);
    if (contained_in(old_status, new_status))
        return std::nullopt;
    const Datum merged = status_datum(merge(old_status, new_status));
    // PostgreSQL checked both values against the domain, but not their merge.
    if (column.is_domain)
        domain_check(merged, false, column.type, nullptr, nullptr);
    return Replacement{merged};
}

// Whether a time is later than another one of the same column.
bool is_later(const GuardedColumn &column, Datum time, Datum than) {
    if (getBaseType(column.type) == DATEOID)
        return DatumGetDateADT(time) > DatumGetDateADT(than);
    return DatumGetTimestampTz(time) > DatumGetTimestampTz(than);
}

// Returns the value that replaces the new one; nothing if the new value may stay.
std::optional<Replacement> replacement(const GuardedColumn &column, const TriggerData &trigger) {
    TupleDesc description = RelationGetDescr(trigger.tg_relation);
    bool old_is_null = false;
    bool new_is_null = false;
    const Datum before = heap_getattr(trigger.tg_trigtuple, column.number, description, &old_is_null);
    const Datum after = heap_getattr(trigger.tg_newtuple, column.number, description, &new_is_null);
    if (old_is_null || (!new_is_null && datumIsEqual(before, after, column.by_value, column.length)))
        return std::nullopt;
    if (column.kind == ColumnKind::status)
        return new_is_null ? Replacement{before} : merged_status(column, before, after);
    // The earliest time at which a state was reached stays, and a state that was reached stays reached.
    if (column.kind == ColumnKind::time)
        return new_is_null || is_later(column, after, before) ? std::optional(Replacement{before}) : std::nullopt;
    if (column.kind == ColumnKind::flag)
        return DatumGetBool(before) ? std::optional(Replacement{before}) : std::nullopt;
    const auto old_state = state_in(column, before);
    if (!old_state)
        return std::nullopt;
    const auto new_state = new_is_null ? std::nullopt : state_in(column, after);
    // A value that is no state has no place in the order. If it were accepted, the next update could go back to any
    // state.
    if (!new_state || *new_state < *old_state)
        return Replacement{before};
    return std::nullopt;
}

} // namespace

// Trigger BEFORE UPDATE FOR EACH ROW: returns the new row, in which the guarded columns keep their old state wherever
// the new state is lower or is no state, the new time is later, or a flag is taken away; a message_status is merged.
// Raises 39P01 for another kind of trigger, and what read_guarded_columns raises for its arguments.
MSGSTATUS_FUNCTION(keep_status_order) {
    check_call(fcinfo);
    const TriggerData &trigger = *reinterpret_cast<TriggerData *>(fcinfo->context);
    HeapTuple row = trigger.tg_newtuple;
    for (const GuardedColumn &column : guarded_columns(fcinfo, trigger)) {
        const auto kept = replacement(column, trigger);
        if (!kept)
            continue;
        int number = column.number;
        Datum value = kept->value;
        bool is_null = false;
        row = heap_modify_tuple_by_cols(row, RelationGetDescr(trigger.tg_relation), 1, &number, &value, &is_null);
    }
    return PointerGetDatum(row);
}

// Raises the errors that a trigger (argument 2) on a table (argument 1) would raise when it first fires. Runs no code
// of a user: it looks up columns, types and labels in the catalogs.
MSGSTATUS_FUNCTION(check_status_order) {
    const Oid trigger = PG_GETARG_OID(1);
    Relation table = table_open(PG_GETARG_OID(0), AccessShareLock);
    // Copies the triggers, because a catalog lookup may replace the relcache entry.
    const TriggerDesc *triggers = CopyTriggerDesc(table->trigdesc);
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; ++i) {
        const Trigger &declared = triggers->triggers[i];
        if (declared.tgoid != trigger)
            continue;
        if (!TRIGGER_FOR_BEFORE(declared.tgtype) || !TRIGGER_FOR_ROW(declared.tgtype) ||
            (declared.tgtype & TRIGGER_TYPE_EVENT_MASK) != TRIGGER_TYPE_UPDATE)
            raise_wrong_event();
        read_guarded_columns(table, declared);
    }
    table_close(table, AccessShareLock);
    PG_RETURN_VOID();
}
