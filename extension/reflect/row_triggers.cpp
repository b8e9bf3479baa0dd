// The triggers on attached tables: for rows that are inserted, or get their message's id, after its status was applied.
#include "postgres/postgres.hpp"

#include <new>

#include "install/table_access.hpp"
#include "observation/validation.hpp"
#include "postgres/subtransaction.hpp"
#include "postgres/text_array.hpp"
#include "reflect/failures.hpp"
#include "reflect/message_lock.hpp"
#include "reflect/reflect.hpp"

extern "C" {
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

using namespace msgstatus;

namespace {

const TriggerData &trigger_data(FunctionCallInfo fcinfo) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("not called as a trigger")));
    const auto &data = *reinterpret_cast<const TriggerData *>(fcinfo->context);
    if (data.tg_trigger->tgnargs < 1 || !TRIGGER_FIRED_AFTER(data.tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("trigger \"%s\" was not created by attach_table()", data.tg_trigger->tgname)));
    return data;
}

void put_id(Vector<Text> &ids, int table_id, TupleTableSlot *row, AttrNumber key, Oid type) {
    bool is_null = false;
    const Datum value = slot_getattr(row, key, &is_null);
    if (is_null)
        return;
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(type, &output, &is_varlena);
    Text id = OidOutputFunctionCall(output, value);
    if (type == BPCHAROID)
        id = id.substr(0, id.find_last_not_of(' ') + 1);
    if (!id.empty() && id.size() <= max_message_id_size && !is_being_recorded(table_id, id))
        ids.push(id);
}

// The message ids in the rows that the trigger was fired for, sorted and distinct, without those that a history got
// from msgstatus.
Vector<Text> ids_of_rows(const TriggerData &data, const AttachedTable &table) {
    TupleDesc description = RelationGetDescr(data.tg_relation);
    const int key = SPI_fnumber(description, table.key_column);
    if (key <= 0)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                        errmsg("column \"%s\" of table \"%s\" does not exist any more", table.key_column,
                               RelationGetRelationName(data.tg_relation)),
                        errhint("Attach the table again.")));
    const Oid type = getBaseType(SPI_gettypeid(description, key));
    Vector<Text> ids;
    if (TRIGGER_FIRED_FOR_ROW(data.tg_event)) {
        TupleTableSlot *row = TRIGGER_FIRED_BY_UPDATE(data.tg_event) ? data.tg_newslot : data.tg_trigslot;
        put_id(ids, table.id, row, static_cast<AttrNumber>(key), type);
    } else if (data.tg_newtable != nullptr) {
        TupleTableSlot *row = MakeSingleTupleTableSlot(description, &TTSOpsMinimalTuple);
        const int pointer = tuplestore_alloc_read_pointer(data.tg_newtable, 0);
        tuplestore_select_read_pointer(data.tg_newtable, pointer);
        tuplestore_rescan(data.tg_newtable);
        while (tuplestore_gettupleslot(data.tg_newtable, true, false, row))
            put_id(ids, table.id, row, static_cast<AttrNumber>(key), type);
        ExecDropSingleTupleTableSlot(row);
    }
    sort_and_distinct(ids);
    return ids;
}

bool is_of(const TriggerData &data, const AttachedTable &table) {
    const Oid relation = RelationGetRelid(data.tg_relation);
    if (relation == table.target)
        return true;
    return data.tg_relation->rd_rel->relispartition && list_member_oid(get_partition_ancestors(relation), table.target);
}

// Runs within the application's own statement, which must not fail because of this: what goes wrong is written down,
// to be repaired by resync_table, or if even that is not possible told by a warning.
void reflect_rows(const TriggerData &data) {
    const int table_id = pg_strtoint32(data.tg_trigger->tgargs[0]);
    const MemoryContext context = CurrentMemoryContext;
    // On the heap: what a local variable holds is not to be relied upon after an error.
    auto *ids = new (palloc(sizeof(Vector<Text>))) Vector<Text>;
    ErrorData *error = attempt([&] {
        TableAccess access;
        const auto table = find_attached_table(table_id);
        if (table && is_of(data, *table)) {
            const MemoryContext inner = MemoryContextSwitchTo(context);
            *ids = ids_of_rows(data, *table);
            MemoryContextSwitchTo(inner);
            if (!ids->empty()) {
                const Vector<Reflection> messages = lock_messages(*ids);
                (void)reflect_in(*table, {messages.begin(), messages.size()}, false);
            }
        }
        access.close();
    });
    if (error == nullptr)
        return;
    if (is_not_the_tables_fault(*error))
        ReThrowError(error);
    const ErrorData *again = attempt([&] {
        TableAccess access;
        ReflectionFailures failures;
        for (const Text id : *ids)
            failures.add(id, *error);
        failures.write(table_id);
        access.close();
    });
    if (again != nullptr || ids->empty())
        ereport(WARNING, (errcode(error->sqlerrcode),
                          errmsg("rows of table \"%s\" do not show the statuses of their messages: %s",
                                 RelationGetRelationName(data.tg_relation), error->message)));
}

} // namespace

// Brings the rows that a statement inserted up to date: a trigger of an attached table, fired once for all of them,
// with the attached_table_id as its argument. Raises 39P01 where it is called as anything else, and passes
// serialization failures and cancellation on. Records any other failure in attached_table_failure, and warns only if it
// cannot.
MSGSTATUS_FUNCTION(reflect_inserted_rows) {
    reflect_rows(trigger_data(fcinfo));
    return PointerGetDatum(nullptr);
}

// Brings a row up to date that got another key: a trigger of an attached table, fired for each row, with the
// attached_table_id as its argument. Of a partitioned table it is fired for each row inserted, too: rows may be
// inserted into a partition, of which triggers for statements do not learn. Raises as reflect_inserted_rows.
MSGSTATUS_FUNCTION(reflect_changed_key) {
    reflect_rows(trigger_data(fcinfo));
    return PointerGetDatum(nullptr);
}
