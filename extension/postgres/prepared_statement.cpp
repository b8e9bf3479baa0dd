#include "postgres/prepared_statement.hpp"

#include "postgres/row_shape.hpp"

extern "C" {
#include "access/xact.h"
#include "nodes/parsenodes.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
}

namespace msgstatus {
namespace {

std::uint64_t renewals = 0;

CachedPlanSource &source_of(SPIPlanPtr plan) {
    return *static_cast<CachedPlanSource *>(linitial(SPI_plan_get_plan_sources(plan)));
}

// Lets the planner use only indexes. Returns the level that AtEOXact_GUC takes to end this; after an error, the abort
// of the transaction ends it.
int begin_lookup_by_key() {
    const int level = NewGUCNestLevel();
    for (const char *setting : {"enable_seqscan", "enable_hashjoin", "enable_mergejoin"})
        (void)set_config_option(setting, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    return level;
}

// Until end(), reports a missing object as an error of versions. Only for parsing and planning, which run no code of a
// user that could raise the same error.
class VersionAdvice {
public:
    explicit VersionAdvice(Tables tables) : is_on_(tables == Tables::of_msgstatus) {
        if (!is_on_)
            return;
        callback_.callback = tell;
        callback_.previous = error_context_stack;
        error_context_stack = &callback_;
    }
    // An error that leaves by longjmp ends the advice as well.
    void end() {
        if (is_on_)
            error_context_stack = callback_.previous;
    }

private:
    static void tell(void *) {
        switch (geterrcode()) {
        case ERRCODE_UNDEFINED_COLUMN:
        case ERRCODE_UNDEFINED_TABLE:
        case ERRCODE_UNDEFINED_FUNCTION:
        case ERRCODE_UNDEFINED_OBJECT:
        case ERRCODE_DATATYPE_MISMATCH:
        case ERRCODE_INVALID_COLUMN_REFERENCE: // no unique index for ON CONFLICT
            errcode(ERRCODE_FEATURE_NOT_SUPPORTED);
            hint_at_versions();
            break;
        default:
            break;
        }
    }

    bool is_on_;
    ErrorContextCallback callback_{};
};

} // namespace

void prepare_all_anew() {
    ++renewals;
}

Snapshot latest_snapshot() {
    return IsolationUsesXactSnapshot() ? GetLatestSnapshot() : InvalidSnapshot;
}

void PreparedStatement::execute(std::span<const Oid> types, std::span<const Datum> values, const char *nulls,
                                Snapshot snapshot) {
    // After DROP and CREATE EXTENSION in one session, the same name means another type.
    if (!is_prepared_for(types))
        prepare(types);
    if (renewal_ != renewals)
        source_of(plan_).is_valid = false;
    renewal_ = renewals;
    const CachedPlanSource &source = source_of(plan_);
    if (source.is_valid && (lookup_ == Lookup::as_planned || source.generation == generation_))
        return run(values, nulls, snapshot);
    if (lookup_ == Lookup::as_planned) {
        plan();
        return run(values, nulls, snapshot);
    }
    // PostgreSQL may have replanned by itself, without our settings. The settings cost as much as a lookup, and only
    // planning reads them.
    source_of(plan_).is_valid = false;
    const int level = begin_lookup_by_key();
    plan();
    run(values, nulls, snapshot);
    AtEOXact_GUC(true, level);
    generation_ = source.generation;
}

bool PreparedStatement::is_prepared_for(std::span<const Oid> types) const {
    return plan_ != nullptr && types.size() == type_count_ && std::equal(types.begin(), types.end(), types_.begin());
}

void PreparedStatement::prepare(std::span<const Oid> types) {
    if (types.size() > max_parameters)
        elog(ERROR, "a statement of msgstatus has %zu parameters, more than %zu", types.size(), max_parameters);
    VersionAdvice advice(tables_);
    // The parameters are rows or a key, so a custom plan is never better than the generic one.
    SPIPlanPtr plan = SPI_prepare_cursor(sql_, static_cast<int>(types.size()), const_cast<Oid *>(types.data()),
                                         CURSOR_OPT_GENERIC_PLAN);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare_cursor failed: %s", SPI_result_code_string(SPI_result));
    advice.end();
    SPI_keepplan(plan);
    // The earlier plan is not freed: the caller may be a trigger of the very statement that runs it. The types are set
    // last, so that the next call prepares again if preparing raises.
    plan_ = plan;
    std::copy(types.begin(), types.end(), types_.begin());
    type_count_ = types.size();
    generation_ = none_yet;
}

void PreparedStatement::plan() {
    VersionAdvice advice(tables_);
    if (CachedPlan *made = SPI_plan_get_cached_plan(plan_); made != nullptr)
        ReleaseCachedPlan(made, CurrentResourceOwner);
    advice.end();
}

void PreparedStatement::run(std::span<const Datum> values, const char *nulls, Snapshot snapshot) {
    const int result = SPI_execute_snapshot(plan_, const_cast<Datum *>(values.data()), nulls, snapshot, InvalidSnapshot,
                                            false, true, 0);
    if (result < 0)
        elog(ERROR, "SPI_execute_snapshot failed: %s", SPI_result_code_string(result));
}

} // namespace msgstatus
