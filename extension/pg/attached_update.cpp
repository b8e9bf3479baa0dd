#include "pg/attached_update.hpp"

#include <new>

#include "pg/prepared.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

namespace msgstatus {
namespace {

// The statements of the tables attached, kept for the backend's life: there are as few as there are tables.
struct Statement {
    int table_id = 0;
    const char *sql = nullptr;
    PreparedStatement prepared;
    Statement *next = nullptr;
};

Statement *statements = nullptr;

PreparedStatement &statement_of(const AttachedTable &table) {
    Statement *found = statements;
    while (found != nullptr && found->table_id != table.id)
        found = found->next;
    if (found != nullptr && std::string_view(found->sql) == table.update_sql)
        return found->prepared;
    const char *sql = MemoryContextStrdup(TopMemoryContext, table.update_sql);
    if (found == nullptr) {
        statements = new (MemoryContextAlloc(TopMemoryContext, sizeof(Statement)))
            Statement{table.id, sql, PreparedStatement(), statements};
        found = statements;
    }
    found->sql = sql;
    // Without an index on the key, one pass over the table by hash is better than one for each message.
    found->prepared = PreparedStatement(sql, table.key_has_index ? Lookup::by_key : Lookup::as_planned);
    return found->prepared;
}

void set(const char *setting, const char *value, GucContext context) {
    (void)set_config_option(setting, value, context, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void check_deferred_constraints(const char *constraints) {
    for (const char *mode : {"IMMEDIATE", "DEFERRED"})
        if (SPI_execute(psprintf("SET CONSTRAINTS %s %s", constraints, mode), false, 0) < 0)
            elog(ERROR, "SET CONSTRAINTS failed");
}

} // namespace

void update_attached_table(const AttachedTable &table, Oid type, Datum rows, bool checks_deferred) {
    if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(table.attached_by)))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the role that attached the table does not exist any more"),
                 errhint("Attach the table again.")));
    Oid caller = InvalidOid;
    int context = 0;
    GetUserIdAndSecContext(&caller, &context);
    SetUserIdAndSecContext(table.attached_by, context | SECURITY_LOCAL_USERID_CHANGE);
    const int level = NewGUCNestLevel();
    set("search_path", table.search_path, PGC_USERSET);
    // The caller's own choice must not keep rows from being brought up to date.
    if (!row_security)
        set("row_security", "on", PGC_USERSET);
    statement_of(table).execute(type, rows, latest_snapshot());
    if (checks_deferred && table.deferred_constraints != nullptr)
        check_deferred_constraints(table.deferred_constraints);
    AtEOXact_GUC(true, level);
    SetUserIdAndSecContext(caller, context);
}

} // namespace msgstatus
