#include "reflect/update.hpp"

#include <new>

#include "postgres/deferred_triggers.hpp"
#include "postgres/row_parameters.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

namespace msgstatus {
namespace {

constexpr std::array reflection_columns{
    ColumnShape{"message_id", TEXTOID},        ColumnShape{"status", InvalidOid, "message_status"},
    ColumnShape{"error_code", INT4OID},        ColumnShape{"error_title", TEXTOID},
    ColumnShape{"error_details", TEXTOID},     ColumnShape{"failures", INT4OID},
    ColumnShape{"changed_at", TIMESTAMPTZOID},
};
CompositeType reflection_type("reflection", reflection_columns);

void put_reflection(RowBuilder &row, const Reflection &r) {
    row.put_text(r.message_id);
    row.put(status_datum(r.status));
    row.put_optional(r.error.code);
    row.put_text(r.error.title);
    row.put_text(r.error.details);
    row.put_optional(r.failures);
    row.put_time(r.changed_at);
}

// The statements of the tables attached, kept for the backend's life: there are as few as there are tables.
struct Statement {
    int table_id = 0;
    const char *sql = nullptr;
    PreparedStatement for_all{};
    // For one message, whose columns are the parameters, if the statement can be written so.
    std::optional<PreparedStatement> for_one{};
    Statement *next = nullptr;
};

Statement *statements = nullptr;

// How msgstatus.reflecting_update() reads the messages; what it writes is stored with the table.
constexpr std::string_view all_messages = "pg_catalog.unnest($1) AS c";

// Returns the same statement for one message, whose columns are the parameters. Returns nullptr unless the text reads
// its messages in one place as above: it may come from another version, and where a column or a label of the user's
// spells the same, nothing says which place is which.
const char *text_for_one(std::string_view sql) {
    const std::size_t place = sql.find(all_messages);
    if (place == std::string_view::npos || sql.find(all_messages, place + 1) != std::string_view::npos)
        return nullptr;
    StringInfoData text;
    initStringInfo(&text);
    appendBinaryStringInfo(&text, sql.data(), static_cast<int>(place));
    for (std::size_t i = 0; i < reflection_columns.size(); ++i)
        appendStringInfo(&text, "%s$%d AS %s", i == 0 ? "(SELECT " : ", ", static_cast<int>(i) + 1,
                         reflection_columns[i].name);
    appendStringInfoString(&text, ") AS c");
    const std::string_view rest = sql.substr(place + all_messages.size());
    appendBinaryStringInfo(&text, rest.data(), static_cast<int>(rest.size()));
    return text.data;
}

Statement &statement_of(const AttachedTable &table) {
    Statement *found = statements;
    while (found != nullptr && found->table_id != table.id)
        found = found->next;
    if (found != nullptr && std::string_view(found->sql) == table.update_sql)
        return *found;
    // All memory first: a statement without its text must not get into the list.
    const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
    const char *sql = pstrdup(table.update_sql);
    const char *sql_for_one = text_for_one(sql);
    if (found == nullptr)
        statements = found = new (palloc(sizeof(Statement))) Statement{.table_id = table.id, .next = statements};
    MemoryContextSwitchTo(caller);
    // Without an index on the key, one pass over the table by hash is better than one for each message.
    const Lookup lookup = table.key_has_index ? Lookup::by_key : Lookup::as_planned;
    found->sql = sql;
    found->for_all = PreparedStatement(sql, lookup, Tables::of_a_user);
    found->for_one.reset();
    if (sql_for_one != nullptr)
        found->for_one = PreparedStatement(sql_for_one, lookup, Tables::of_a_user);
    return *found;
}

void execute(Statement &statement, std::span<const Reflection> messages) {
    if (messages.size() == 1 && statement.for_one) {
        RowBuilder row;
        row.start();
        put_reflection(row, messages[0]);
        RowParameters(reflection_type, row).execute(*statement.for_one, latest_snapshot());
    } else {
        statement.for_all.execute(reflection_type.array_oid(), reflection_type.array_of(messages, put_reflection),
                                  latest_snapshot());
    }
}

void set(const char *setting, const char *value, GucContext context) {
    (void)set_config_option(setting, value, context, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

} // namespace

void check_reflections() {
    reflection_type.check();
}

void update_attached_table(const AttachedTable &table, std::span<const Reflection> messages, bool is_restricted) {
    if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(table.attached_by)))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("the role that attached the table does not exist any more"),
                 errhint("Attach the table again.")));
    const Vector<Oid> pending_before = relations_with_pending_triggers(Deferred::any);
    Oid caller = InvalidOid;
    int context = 0;
    GetUserIdAndSecContext(&caller, &context);
    // The triggers of the table are somebody else's code. A restricted operation keeps them from the caller's prepared
    // statements, temporary tables and LISTEN, and from cursors WITH HOLD, whose queries run at commit as the caller. A
    // restricted operation defers no trigger, so whoever writes rows of the table itself, and so runs the triggers of
    // the table as itself, goes without.
    SetUserIdAndSecContext(table.attached_by, context | SECURITY_LOCAL_USERID_CHANGE |
                                                  (is_restricted ? SECURITY_RESTRICTED_OPERATION : 0));
    std::optional<ImmediateConstraints> immediate;
    if (is_restricted)
        immediate.emplace(pending_before);
    const int level = NewGUCNestLevel();
    set("search_path", table.search_path, PGC_USERSET);
    // The caller's own choice must not keep rows from being brought up to date.
    if (!row_security)
        set("row_security", "on", PGC_USERSET);
    execute(statement_of(table), messages);
    // A caller that writes rows of the attached table itself has chosen when that table's own triggers run.
    if (!is_restricted)
        run_triggers_deferred_since(pending_before, Deferred::any, table.target);
    // Undoes what triggers set for the session, too.
    AtEOXact_GUC(false, level);
    if (immediate)
        immediate->close();
    SetUserIdAndSecContext(caller, context);
}

} // namespace msgstatus
