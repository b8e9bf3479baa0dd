#include "postgres/deferred_triggers.hpp"

#include "postgres/prepared_statement.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
}

namespace msgstatus {
namespace {

constexpr int max_rounds = 100;

PreparedStatement deferrable_relations_statement(R"(
SELECT t.tgrelid, pg_catalog.bool_or(p.proname NOT LIKE 'RI\_FKey\_%' OR p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace)
FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
WHERE t.tgdeferrable
GROUP BY t.tgrelid)",
                                                 Lookup::as_planned);

PreparedStatement initially_deferred_statement(R"(
SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', n.nspname, k.conname), ', ')
FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_namespace AS n ON n.oid = k.connamespace
WHERE k.condeferred)",
                                               Lookup::as_planned);

// The relations with a deferrable trigger. There are few; they are looked up again when the definition of any relation
// changes.
struct DeferrableRelation {
    Oid id = InvalidOid;
    bool has_code_of_a_user = false;
};

struct DeferrableRelations {
    DeferrableRelation *all = nullptr;
    std::size_t count = 0;
    // The initially deferred constraints, as SET CONSTRAINTS takes them; nullptr if there are none.
    char *initially_deferred = nullptr;
    bool is_current = false;
    bool is_watched = false;
};

DeferrableRelations deferrable;

void forget_deferrable_relations(Datum, Oid) {
    deferrable.is_current = false;
}

void look_up_initially_deferred() {
    initially_deferred_statement.execute({}, {});
    const char *names = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
    char *copy = names == nullptr ? nullptr : MemoryContextStrdup(TopMemoryContext, names);
    if (deferrable.initially_deferred != nullptr)
        pfree(deferrable.initially_deferred);
    deferrable.initially_deferred = copy;
    SPI_freetuptable(SPI_tuptable);
}

void look_up_deferrable_relations() {
    if (!deferrable.is_watched) {
        CacheRegisterRelcacheCallback(forget_deferrable_relations, 0);
        deferrable.is_watched = true;
    }
    deferrable_relations_statement.execute({}, {});
    auto *all = static_cast<DeferrableRelation *>(
        MemoryContextAlloc(TopMemoryContext, std::max<std::size_t>(SPI_processed, 1) * sizeof(DeferrableRelation)));
    for (std::uint64_t i = 0; i < SPI_processed; ++i) {
        bool is_null = false;
        const auto column = [&](int n) {
            return SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, n, &is_null);
        };
        all[i] = {DatumGetObjectId(column(1)), DatumGetBool(column(2))};
    }
    if (deferrable.all != nullptr)
        pfree(deferrable.all);
    deferrable.all = all;
    deferrable.count = SPI_processed;
    SPI_freetuptable(SPI_tuptable);
    look_up_initially_deferred();
}

bool contains(const Vector<Oid> &ids, Oid id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

void set_constraints(const char *names, const char *mode) {
    if (names != nullptr && SPI_execute(psprintf("SET CONSTRAINTS %s %s", names, mode), false, 0) < 0)
        elog(ERROR, "SET CONSTRAINTS failed");
}

void append_ids(StringInfo sql, const Vector<Oid> &ids) {
    const char *separator = "";
    for (const Oid id : ids) {
        appendStringInfo(sql, "%s%u", separator, id);
        separator = ", ";
    }
}

// Constraints, as SET CONSTRAINTS takes them; nullptr where there are none.
struct ConstraintNames {
    const char *all = nullptr;
    const char *initially_deferred = nullptr;
};

// Returns the deferrable constraints k, in schemas n, for which a condition holds: an SQL text, followed by the OIDs of
// relations and a closing text.
ConstraintNames constraints_that(const char *condition, const Vector<Oid> &relations, const char *closing) {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfo(&sql, R"(
SELECT pg_catalog.string_agg(c.name, ', '), pg_catalog.string_agg(c.name, ', ') FILTER (WHERE c.condeferred)
FROM (
    SELECT DISTINCT pg_catalog.format('%%I.%%I', n.nspname, k.conname) AS name, k.condeferred
    FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_namespace AS n ON n.oid = k.connamespace
    WHERE k.condeferrable AND %s)",
                     condition);
    append_ids(&sql, relations);
    appendStringInfo(&sql, "%s) AS c", closing);
    if (SPI_execute(sql.data, false, 1) != SPI_OK_SELECT)
        elog(ERROR, "reading pg_constraint failed");
    const ConstraintNames names{SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1),
                                SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2)};
    SPI_freetuptable(SPI_tuptable);
    return names;
}

void run_triggers_of(const Vector<Oid> &relations) {
    const ConstraintNames names = constraints_that(
        "k.oid IN (SELECT t.tgconstraint FROM pg_catalog.pg_trigger AS t WHERE t.tgdeferrable AND t.tgrelid IN (",
        relations, "))");
    set_constraints(names.all, "IMMEDIATE");
    set_constraints(names.initially_deferred, "DEFERRED");
}

} // namespace

Vector<Oid> relations_with_pending_triggers(Deferred kind) {
    // The lookup itself may receive an invalidation; then the loop looks up again.
    while (!deferrable.is_current) {
        deferrable.is_current = true;
        look_up_deferrable_relations();
    }
    Vector<Oid> pending;
    for (std::size_t i = 0; i < deferrable.count; ++i)
        if ((kind == Deferred::any || deferrable.all[i].has_code_of_a_user) &&
            AfterTriggerPendingOnRel(deferrable.all[i].id))
            pending.push(deferrable.all[i].id);
    return pending;
}

ImmediateConstraints::ImmediateConstraints(const Vector<Oid> &pending) : are_all_(pending.empty()) {
    if (are_all_) {
        if (deferrable.count > 0)
            set_constraints("ALL", "IMMEDIATE");
        return;
    }
    // SET CONSTRAINTS takes every constraint of a name in a schema, and the constraints of partitions with their
    // parent's.
    const ConstraintNames names = constraints_that(R"(pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS j LEFT JOIN pg_catalog.pg_trigger AS t ON t.tgconstraint = j.oid
            WHERE j.connamespace = k.connamespace AND j.conname = k.conname
                AND (j.conparentid <> 0 OR EXISTS (SELECT FROM pg_catalog.pg_constraint AS p WHERE p.conparentid = j.oid)
                    OR t.tgrelid IN ()",
                                                   pending, ")))");
    initially_deferred_ = names.initially_deferred;
    set_constraints(names.all, "IMMEDIATE");
}

void ImmediateConstraints::close() {
    if (!are_all_)
        return set_constraints(initially_deferred_, "DEFERRED");
    if (deferrable.count == 0 || deferrable.initially_deferred == nullptr)
        return;
    // SET CONSTRAINTS requires USAGE on the schema of a constraint, which the caller may lack. Deferring runs no code
    // of a user.
    Oid user = InvalidOid;
    int context = 0;
    GetUserIdAndSecContext(&user, &context);
    SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, context | SECURITY_LOCAL_USERID_CHANGE);
    set_constraints(deferrable.initially_deferred, "DEFERRED");
    SetUserIdAndSecContext(user, context);
}

void run_triggers_deferred_since(const Vector<Oid> &before, Deferred kind, Oid own) {
    for (int round = 0; round < max_rounds; ++round) {
        Vector<Oid> relations;
        for (const Oid relation : relations_with_pending_triggers(kind))
            if (relation != own && !contains(before, relation))
                relations.push(relation);
        if (relations.empty())
            return;
        run_triggers_of(relations);
    }
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("deferred triggers queue others without end")));
}

} // namespace msgstatus
