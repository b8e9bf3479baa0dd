#include "message/merge_sql.hpp"

#include "core/last_change.hpp"
#include "message/change_columns.hpp"
#include "message/written_message.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace msgstatus {
namespace {

// Those that the rollups count by.
constexpr std::uint32_t columns_that_count = bits_where([](const ChangeColumn &column) {
    return std::any_of(counted_columns.begin(), counted_columns.end(), [&](const CountedColumn &counted) {
        return std::string_view(counted.shape.name) == column.shape.name;
    });
});

template <typename Visit>
void for_each_column(std::uint32_t columns, Visit visit) {
    for (const ChangeColumn &column : change_columns)
        if ((columns & column.bit) != 0)
            visit(column);
}

void append_column_names(StringInfo sql, std::uint32_t columns, const char *prefix) {
    for_each_column(columns,
                    [&](const ChangeColumn &column) { appendStringInfo(sql, ", %s%s", prefix, column.shape.name); });
}

// Does the error in row x come before that in row m? One without a code comes before any, Meta's 0 among them.
void append_error_precedes(StringInfo sql, const char *m, const char *x) {
    appendStringInfo(sql, "%s.error_at IS NOT NULL AND (%s.error_at IS NULL OR ", x, m);
    for (const char *row : {x, m}) {
        const char *separator = "(";
        for_each_column(error_columns, [&](const ChangeColumn &column) {
            const char *value = psprintf("%s.%s", row, column.shape.name);
            if (column.shape.type == TEXTOID)
                appendStringInfo(sql, "%sCOALESCE(%s, '')", separator, value);
            else if (column.shape.type == INT4OID)
                appendStringInfo(sql, "%s%s IS NOT NULL, COALESCE(%s, 0)", separator, value, value);
            else
                appendStringInfo(sql, "%s%s", separator, value);
            separator = ", ";
        });
        appendStringInfoString(sql, row == x ? ") < " : "))");
    }
}

// What a column of row m becomes when row x is merged into it, whatever register_message gave.
void append_merged(StringInfo sql, const ChangeColumn &column, const char *m, const char *x) {
    const char *name = column.shape.name;
    switch (column.merge) {
    case Merge::none:
    case Merge::created:
        break;
    case Merge::fact:
    case Merge::smallest:
        appendStringInfo(sql, "LEAST(%s.%s, %s.%s)", m, name, x, name);
        break;
    case Merge::largest:
        appendStringInfo(sql, "GREATEST(%s.%s, %s.%s)", m, name, x, name);
        break;
    case Merge::first:
        appendStringInfo(sql, "COALESCE(%s.%s, %s.%s)", m, name, x, name);
        break;
    case Merge::keys:
        appendStringInfo(sql,
                         "CASE WHEN %s.%s IS NULL THEN %s.%s WHEN %s.%s IS NOT NULL AND "
                         "pg_catalog.jsonb_typeof(%s.%s) = 'object' THEN %s.%s || %s.%s ELSE %s.%s END",
                         m, name, x, name, x, name, m, name, x, name, m, name, m, name);
        break;
    case Merge::error:
        appendStringInfoString(sql, "CASE WHEN ");
        append_error_precedes(sql, m, x);
        appendStringInfo(sql, " THEN %s.%s ELSE %s.%s END", x, name, m, name);
        break;
    }
}

// Would merging row x into row m of message change a column of these? False where there are none.
void append_facts_change(StringInfo sql, std::uint32_t columns, const char *m, const char *x) {
    const char *separator = "";
    for_each_column(columns & ~error_columns, [&](const ChangeColumn &column) {
        appendStringInfoString(sql, separator);
        append_merged(sql, column, m, x);
        appendStringInfo(sql, " IS DISTINCT FROM %s.%s", m, column.shape.name);
        if (column.merge == Merge::fact)
            appendStringInfo(sql, " AND (%s.registered & %u) IS DISTINCT FROM %u", m, column.bit, column.bit);
        separator = " OR ";
    });
    if ((columns & error_columns) != 0) {
        appendStringInfoString(sql, separator);
        append_error_precedes(sql, m, x);
        separator = " OR ";
    }
    if (*separator == '\0')
        appendStringInfoString(sql, "false");
}

void append_assignments(StringInfo sql, std::uint32_t columns) {
    appendStringInfoString(sql, "status = m.status OPERATOR(msgstatus.||) excluded.status, "
                                "created_at = LEAST(m.created_at, excluded.created_at), "
                                "updated_at = GREATEST(m.updated_at, excluded.updated_at), "
                                "known_events = msgstatus.known_events_merge(m.known_events, excluded.known_events), "
                                "last_change = msgstatus.status_change(m.status, excluded.status)");
    if (columns != 0) {
        appendStringInfoString(sql, " | CASE WHEN ");
        append_facts_change(sql, columns, "m", "excluded");
        appendStringInfo(sql, " THEN %u ELSE 0 END", last_change_replaced);
    }
    // A message that turns out to be older is counted in another hour.
    appendStringInfo(sql,
                     ", replaced = CASE WHEN msgstatus.status_change(m.status, excluded.status) >= %u "
                     "OR excluded.created_at < m.created_at",
                     last_change_replaced);
    if ((columns & columns_that_count) != 0) {
        appendStringInfoString(sql, " OR ");
        append_facts_change(sql, columns & columns_that_count, "m", "excluded");
    }
    appendStringInfoString(sql, " THEN ");
    append_replaced_value(sql);
    appendStringInfoString(sql, " END");
    for_each_column(columns, [&](const ChangeColumn &column) {
        const char *name = column.shape.name;
        appendStringInfo(sql, ", %s = ", name);
        if (column.merge == Merge::fact)
            appendStringInfo(sql, "CASE WHEN (m.registered & %u) <> 0 THEN m.%s ELSE ", column.bit, name);
        append_merged(sql, column, "m", "excluded");
        if (column.merge == Merge::fact)
            appendStringInfoString(sql, " END");
    });
}

// When a change says that its message was created: when it was received, if nothing earlier is given.
void append_created_at(StringInfo sql, const char *x) {
    appendStringInfo(sql, "LEAST(%s.received_at, %s.changed_at, %s.created_at)", x, x, x);
}

// Would merging row x into the row `m` of message change anything, the trail included?
void append_changes(StringInfo sql, std::uint32_t columns, const char *m, const char *x) {
    appendStringInfo(sql, "NOT %s.status OPERATOR(msgstatus.<@) %s.status OR ", x, m);
    append_created_at(sql, x);
    appendStringInfo(sql, " < %s.created_at OR ", m);
    append_facts_change(sql, columns, m, x);
    // The row's last change is no earlier than the receipt of any of its events. So what is received later cannot take
    // an event's place in the trail, and it is enough to know that the event is there.
    appendStringInfo(sql,
                     " OR NOT (%s.received_at > %s.updated_at "
                     "AND msgstatus.known_events_hold(%s.known_events, %s.known_events)) "
                     "AND NOT msgstatus.trail_holds(%s.message_id, %s.fingerprints, %s.digests, %s.received_at)",
                     x, m, m, x, x, x, x, x);
}

// A change whose columns are parameters, under the name that a row has in ON CONFLICT, where its time of change has
// another one, too.
const char *change_of_parameters() {
    StringInfoData sql;
    initStringInfo(&sql);
    int parameters = 0;
    int received_at = 0;
    int changed_at = 0;
    for (const ChangeColumn &column : change_columns) {
        const std::string_view name = column.shape.name;
        appendStringInfoString(&sql, parameters == 0 ? "(SELECT " : ", ");
        ++parameters;
        if (name == "created_at")
            appendStringInfo(&sql, "LEAST($%d, $%d, $%d) AS created_at", received_at, changed_at, parameters);
        else
            appendStringInfo(&sql, "$%d AS %s", parameters, column.shape.name);
        if (name == "received_at")
            received_at = parameters;
        if (name == "changed_at") {
            changed_at = parameters;
            appendStringInfo(&sql, ", $%d AS updated_at", parameters);
        }
    }
    appendStringInfoString(&sql, ") AS excluded");
    return sql.data;
}

void append_insert(StringInfo sql, std::uint32_t columns, const char *x) {
    appendStringInfoString(
        sql,
        "INSERT INTO msgstatus.message AS m (message_id, status, created_at, updated_at, last_change, known_events");
    append_column_names(sql, columns, "");
    appendStringInfo(sql, ") SELECT %s.message_id, %s.status, ", x, x);
    append_created_at(sql, x);
    appendStringInfo(sql, ", %s.changed_at, msgstatus.status_change('{}', %s.status) | %u, %s.known_events", x, x,
                     last_change_inserted, x);
    append_column_names(sql, columns, psprintf("%s.", x));
}

void append_on_conflict_update(StringInfo sql, std::uint32_t columns) {
    appendStringInfoString(sql, " ON CONFLICT (message_id) DO UPDATE SET ");
    append_assignments(sql, columns);
}

const char *returning(StringInfo sql) {
    appendStringInfoString(sql, " RETURNING ");
    append_written_columns(sql);
    return sql->data;
}

const char *merge_text(std::uint32_t columns) {
    StringInfoData sql;
    initStringInfo(&sql);
    append_insert(&sql, columns, "c");
    // ON CONFLICT locks a row, and so writes, even where nothing changes: a redelivery has to be told before. A stale
    // answer does no harm: what a row or the trail holds once it always will.
    appendStringInfoString(&sql, " FROM pg_catalog.unnest($1) AS c WHERE COALESCE((SELECT ");
    append_changes(&sql, columns, "k", "c");
    appendStringInfoString(&sql, " FROM msgstatus.message AS k WHERE k.message_id = c.message_id), true)");
    append_on_conflict_update(&sql, columns);
    return returning(&sql);
}

const char *merge_new_text(std::uint32_t columns) {
    StringInfoData sql;
    initStringInfo(&sql);
    append_insert(&sql, columns, "c");
    appendStringInfoString(&sql, " FROM pg_catalog.unnest($1) AS c");
    append_on_conflict_update(&sql, columns);
    appendStringInfoString(&sql, " WHERE NOT excluded.status OPERATOR(msgstatus.<@) m.status OR ");
    append_facts_change(&sql, columns, "m", "excluded");
    appendStringInfoString(&sql, " OR excluded.created_at < m.created_at");
    // As in append_changes, but for the look into the trail, for which `excluded` lacks the columns: a message with
    // more events than are known by it is written once more, as it is.
    appendStringInfoString(&sql, " OR NOT (excluded.updated_at > m.updated_at "
                                 "AND msgstatus.known_events_hold(m.known_events, excluded.known_events))");
    return returning(&sql);
}

const char *look_at_one_text(std::uint32_t columns, const char *change) {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, "SELECT COALESCE(");
    append_changes(&sql, columns, "k", "excluded");
    appendStringInfoString(&sql, ", true), COALESCE(");
    append_facts_change(&sql, columns, "k", "excluded");
    appendStringInfo(&sql, ", true), k.xmin FROM msgstatus.message AS k, %s WHERE k.message_id = excluded.message_id",
                     change);
    return sql.data;
}

const char *update_one_text(std::uint32_t columns, const char *change) {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, "UPDATE msgstatus.message AS m SET ");
    append_assignments(&sql, columns);
    appendStringInfo(&sql, " FROM %s WHERE m.message_id = excluded.message_id AND m.xmin = $%d", change,
                     static_cast<int>(change_columns.size()) + 1);
    return returning(&sql);
}

const char *merge_one_text(std::uint32_t columns, const char *change) {
    StringInfoData sql;
    initStringInfo(&sql);
    append_insert(&sql, columns, "excluded");
    appendStringInfo(&sql, " FROM %s", change);
    append_on_conflict_update(&sql, columns);
    return returning(&sql);
}

} // namespace

const char *unite_text() {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfo(&sql,
                     "WITH excluded AS (DELETE FROM msgstatus.message AS d WHERE d.message_id = $1 RETURNING d.*) "
                     "UPDATE msgstatus.message AS m SET status = m.status OPERATOR(msgstatus.||) excluded.status, "
                     "created_at = LEAST(m.created_at, excluded.created_at), "
                     "updated_at = GREATEST(m.updated_at, excluded.updated_at, pg_catalog.now()), "
                     "known_events = NULLIF(msgstatus.known_events_merge(m.known_events, $3), ''), "
                     "registered = COALESCE(m.registered | excluded.registered, m.registered, excluded.registered), "
                     "created_by = COALESCE(m.created_by, excluded.created_by), "
                     "last_change = msgstatus.status_change(m.status, excluded.status) | %u, replaced = ",
                     last_change_replaced);
    append_replaced_value(&sql);
    for_each_column(all_merged_columns, [&](const ChangeColumn &column) {
        const char *name = column.shape.name;
        appendStringInfo(&sql, ", %s = ", name);
        if (column.merge == Merge::fact)
            appendStringInfo(
                &sql,
                "CASE WHEN (COALESCE(m.registered, 0) & %u) > (COALESCE(excluded.registered, 0) & %u) THEN m.%s "
                "WHEN (COALESCE(m.registered, 0) & %u) < (COALESCE(excluded.registered, 0) & %u) "
                "THEN excluded.%s ELSE ",
                column.bit, column.bit, name, column.bit, column.bit, name);
        append_merged(&sql, column, "m", "excluded");
        if (column.merge == Merge::fact)
            appendStringInfoString(&sql, " END");
    });
    appendStringInfoString(&sql, " FROM excluded WHERE m.message_id = $2");
    return returning(&sql);
}

const char *rename_text() {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfo(
        &sql,
        "UPDATE msgstatus.message AS m SET message_id = $2, known_events = NULLIF($3, ''), "
        "updated_at = GREATEST(m.updated_at, pg_catalog.now()), last_change = %u, replaced = NULL "
        "WHERE m.message_id = $1 AND NOT EXISTS (SELECT FROM msgstatus.message AS o WHERE o.message_id = $2)",
        last_change_replaced);
    return returning(&sql);
}

MessageStatements message_statements(std::uint32_t columns) {
    const char *change = change_of_parameters();
    return {merge_text(columns), merge_new_text(columns), look_at_one_text(columns, change),
            update_one_text(columns, change), merge_one_text(columns, change)};
}

} // namespace msgstatus
