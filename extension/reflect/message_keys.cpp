#include "reflect/message_keys.hpp"

#include "install/installation.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace msgstatus {
namespace {

// Tells which row has the id, if one does.
bool has_conflict(ResultRelInfo *target, TupleTableSlot *row, EState *state, List *index,
                  ItemPointerData &conflicting) {
#if PG_VERSION_NUM >= 180000
    ItemPointerData none;
    ItemPointerSetInvalid(&none);
    return !ExecCheckIndexConstraints(target, row, state, &conflicting, &none, index);
#else
    return !ExecCheckIndexConstraints(target, row, state, &conflicting, index);
#endif
}

// Returns false if another transaction inserted the id in the meantime.
bool insert_into_indexes(ResultRelInfo *target, TupleTableSlot *row, EState *state, List *index) {
    bool conflict = false;
#if PG_VERSION_NUM >= 160000
    list_free(ExecInsertIndexTuples(target, row, state, false, true, &conflict, index, false));
#else
    list_free(ExecInsertIndexTuples(target, row, state, false, true, &conflict, index));
#endif
    return !conflict;
}

} // namespace

bool MessageKeys::open() {
    message_ = table_open(find_installation().message_table, RowExclusiveLock);
    if (message_->rd_rel->relkind == RELKIND_RELATION && message_->rd_tableam == GetHeapamTableAmRoutine()) {
        state_ = CreateExecutorState();
        target_ = makeNode(ResultRelInfo);
        InitResultRelInfo(target_, message_, 1, nullptr, 0);
        ExecOpenIndices(target_, true);
        find_index();
        bool is_writable = index_ != nullptr;
        for (int column = 1; is_writable && column <= RelationGetNumberOfAttributes(message_); ++column)
            is_writable = may_be_left_out(column);
        if (is_writable) {
            // The statement that fires a trigger may have written messages. A command cannot lock what it wrote.
            CommandCounterIncrement();
            row_ = table_slot_create(message_, nullptr);
            locked_ = table_slot_create(message_, nullptr);
            return true;
        }
        ExecCloseIndices(target_);
        FreeExecutorState(state_);
    }
    table_close(message_, NoLock);
    return false;
}

void MessageKeys::find_index() {
    key_ = get_attnum(RelationGetRelid(message_), "message_id");
    for (int i = 0; i < target_->ri_NumIndices && index_ == nullptr; ++i) {
        const Form_pg_index form = target_->ri_IndexRelationDescs[i]->rd_index;
        if (form->indisunique && form->indimmediate && form->indisvalid && form->indnkeyatts == 1 &&
            form->indkey.values[0] == key_ && target_->ri_IndexRelationInfo[i]->ii_Predicate == NIL)
            index_ = list_make1_oid(form->indexrelid);
    }
}

bool MessageKeys::may_be_left_out(int column) const {
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(message_), column - 1);
    return column == key_ || attribute->attisdropped || !attribute->attnotnull ||
           (attribute->attgenerated == '\0' && (attribute->atthasdef || attribute->attidentity != '\0'));
}

void MessageKeys::prepare_defaults() {
    has_defaults_ = true;
    TupleDesc description = RelationGetDescr(message_);
    for (int column = 1; column <= description->natts; ++column) {
        const Form_pg_attribute attribute = TupleDescAttr(description, column - 1);
        if (attribute->attisdropped || attribute->attgenerated != '\0' || column == key_)
            continue;
        auto *expression = reinterpret_cast<Expr *>(build_column_default(message_, column));
        if (expression != nullptr)
            defaults_.push({column, ExecPrepareExpr(expression, state_)});
    }
}

// A row with the id and nothing else, which is enough to look for it.
void MessageKeys::begin_row(Text message_id) {
    ResetPerTupleExprContext(state_);
    ExecClearTuple(row_);
    std::fill_n(row_->tts_isnull, RelationGetNumberOfAttributes(message_), true);
    const MemoryContext caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(state_));
    row_->tts_values[key_ - 1] = PointerGetDatum(text_of(message_id));
    MemoryContextSwitchTo(caller);
    row_->tts_isnull[key_ - 1] = false;
}

// The defaults, for indexes on other columns, and for ANALYZE and CREATE INDEX, which may read the row.
void MessageKeys::fill_row() {
    if (!has_defaults_)
        prepare_defaults();
    for (const Default &value : defaults_) {
        bool &is_null = row_->tts_isnull[value.column - 1];
        row_->tts_values[value.column - 1] =
            ExecEvalExprSwitchContext(value.expression, GetPerTupleExprContext(state_), &is_null);
        const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(message_), value.column - 1);
        if (is_null && attribute->attnotnull)
            ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
                            errmsg("the default of column \"%s\" of table \"%s\" is null", NameStr(attribute->attname),
                                   RelationGetRelationName(message_)),
                            errtablecol(message_, value.column)));
    }
}

// Returns false if the row was deleted, or another version took its place, while this waited for it.
bool MessageKeys::lock_row(ItemPointerData &row, LockTupleMode mode) {
    TM_FailureData failure;
    const TM_Result result = table_tuple_lock(message_, &row, GetActiveSnapshot(), locked_, GetCurrentCommandId(true),
                                              mode, LockWaitBlock, 0, &failure);
    ExecClearTuple(locked_);
    switch (result) {
    case TM_Ok:
        return true;
    case TM_Updated:
    case TM_Deleted:
        if (IsolationUsesXactSnapshot())
            ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                            errmsg("could not serialize access due to concurrent update")));
        return false;
    default:
        elog(ERROR, "a message could not be locked: result %d", static_cast<int>(result));
    }
}

bool MessageKeys::lock(Text message_id, LockTupleMode mode) {
    PreventCommandIfReadOnly("SELECT FOR UPDATE");
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        begin_row(message_id);
        ExecStoreVirtualTuple(row_);
        ItemPointerData found;
        if (!has_conflict(target_, row_, state_, index_, found))
            return false;
        if (lock_row(found, mode))
            return true;
    }
}

// As INSERT ... ON CONFLICT does it: the row counts only once its index entries are there, so that two transactions
// that insert the same id at the same time do not wait for each other.
bool MessageKeys::take(Text message_id) {
    PreventCommandIfReadOnly("INSERT");
    begin_row(message_id);
    fill_row();
    ExecStoreVirtualTuple(row_);
    const TransactionId transaction = GetCurrentTransactionId();
    const uint32 token = SpeculativeInsertionLockAcquire(transaction);
    table_tuple_insert_speculative(message_, row_, GetCurrentCommandId(true), 0, nullptr, token);
    const bool is_inserted = insert_into_indexes(target_, row_, state_, index_);
    table_tuple_complete_speculative(message_, row_, token, is_inserted);
    SpeculativeInsertionLockRelease(transaction);
    if (is_inserted)
        rows_.push(row_->tts_tid);
    return is_inserted;
}

void MessageKeys::close() {
    if (!rows_.empty()) {
        // A command cannot delete what it inserted itself.
        CommandCounterIncrement();
        for (ItemPointerData &row : rows_)
            simple_table_tuple_delete(message_, &row, GetActiveSnapshot());
        CommandCounterIncrement();
    }
    ExecDropSingleTupleTableSlot(row_);
    ExecDropSingleTupleTableSlot(locked_);
    ExecCloseIndices(target_);
    FreeExecutorState(state_);
    table_close(message_, NoLock);
}

} // namespace msgstatus
