#include "message/merge_sql.hpp"

#include "message/written_message.hpp"

extern "C" {
#include "lib/stringinfo.h"
}

namespace msgstatus {
namespace {

// How two values of a column become one. Whichever it is, the result does not depend on the order.
enum class Merge : std::uint8_t {
    fact,     // the smaller, unless register_message gave the column, which is then left alone
    smallest, // the smaller, for no other reason than that it is the same in every order
    largest,
    // What no webhook says stays as it is: register_message replaces it, imports do not.
    first, // whatever is there
    keys,  // an object takes over the members that it has not
};

struct Column {
    MessageColumn bit;
    const char *name;
    Merge merge;
};

constexpr std::array columns_of_message{
    Column{column_provider, "provider", Merge::fact},
    Column{column_direction, "direction", Merge::fact},
    Column{column_sender, "sender", Merge::fact},
    Column{column_recipient, "recipient", Merge::fact},
    Column{column_message_type, "message_type", Merge::fact},
    Column{column_content, "content", Merge::fact},
    Column{column_media_url, "media_url", Merge::fact},
    Column{column_price, "price", Merge::smallest},
    Column{column_price_unit, "price_unit", Merge::smallest},
    // Twilio says 0 until it knows.
    Column{column_num_segments, "num_segments", Merge::largest},
    Column{column_pricing_category, "pricing_category", Merge::smallest},
    Column{column_billable, "billable", Merge::largest},
    Column{column_campaign_id, "campaign_id", Merge::first},
    Column{column_metadata, "metadata", Merge::keys},
};

// What the rollups count by, beside the status.
constexpr std::uint32_t counted_columns = column_provider | column_direction | column_sender | column_recipient |
                                          column_message_type | column_error | column_campaign_id;

// The error shown is that of the earliest failure, ties broken by value.
constexpr std::array error_columns{"error_at", "error_code", "error_title", "error_details"};

template <typename Visit>
void for_each_column(std::uint32_t columns, Visit visit) {
    for (const Column &column : columns_of_message)
        if ((columns & column.bit) != 0)
            visit(column);
}

void append_column_names(StringInfo sql, std::uint32_t columns, const char *prefix) {
    for_each_column(columns, [&](const Column &column) { appendStringInfo(sql, ", %s%s", prefix, column.name); });
    if ((columns & column_error) != 0)
        for (const char *name : error_columns)
            appendStringInfo(sql, ", %s%s", prefix, name);
}

// What a column of row m becomes when row x is merged into it, whatever register_message gave.
void append_merged(StringInfo sql, const Column &column, const char *m, const char *x) {
    const char *name = column.name;
    switch (column.merge) {
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
    }
}

// Does the error in row x come before that in row m? One without a code comes before any, Meta's 0 among them.
void append_error_precedes(StringInfo sql, const char *m, const char *x) {
    appendStringInfo(sql, "%s.error_at IS NOT NULL AND (%s.error_at IS NULL OR ", x, m);
    for (const char *row : {x, m}) {
        appendStringInfo(sql,
                         "(%s.error_at, %s.error_code IS NOT NULL, COALESCE(%s.error_code, 0), "
                         "COALESCE(%s.error_title, ''), COALESCE(%s.error_details, ''))%s",
                         row, row, row, row, row, row == x ? " < " : ")");
    }
}

// Would merging row x into row m of message change a column of these? False where there are none.
void append_facts_change(StringInfo sql, std::uint32_t columns, const char *m, const char *x) {
    const char *separator = "";
    for_each_column(columns, [&](const Column &column) {
        appendStringInfoString(sql, separator);
        append_merged(sql, column, m, x);
        appendStringInfo(sql, " IS DISTINCT FROM %s.%s", m, column.name);
        if (column.merge == Merge::fact)
            appendStringInfo(sql, " AND (%s.registered & %u) IS DISTINCT FROM %u", m, column.bit, column.bit);
        separator = " OR ";
    });
    if ((columns & column_error) != 0) {
        appendStringInfoString(sql, separator);
        append_error_precedes(sql, m, x);
        separator = " OR ";
    }
    if (*separator == '\0')
        appendStringInfoString(sql, "false");
}

void append_assignments(StringInfo sql, std::uint32_t columns) {
    appendStringInfoString(sql, "status = m.status OPERATOR(msgstatus.||) excluded.status, "
                                "updated_at = GREATEST(m.updated_at, excluded.updated_at), "
                                "known_events = msgstatus.known_events_merge(m.known_events, excluded.known_events), "
                                "last_change = msgstatus.status_change(m.status, excluded.status)");
    if (columns != 0) {
        appendStringInfoString(sql, " | CASE WHEN ");
        append_facts_change(sql, columns, "m", "excluded");
        appendStringInfo(sql, " THEN %u ELSE 0 END", last_change_replaced);
    }
    appendStringInfo(sql, ", replaced = CASE WHEN msgstatus.status_change(m.status, excluded.status) >= %u",
                     last_change_replaced);
    if ((columns & counted_columns) != 0) {
        appendStringInfoString(sql, " OR ");
        append_facts_change(sql, columns & counted_columns, "m", "excluded");
    }
    appendStringInfo(sql, " THEN %s END", replaced_value);
    for_each_column(columns, [&](const Column &column) {
        appendStringInfo(sql, ", %s = ", column.name);
        if (column.merge == Merge::fact)
            appendStringInfo(sql, "CASE WHEN (m.registered & %u) <> 0 THEN m.%s ELSE ", column.bit, column.name);
        append_merged(sql, column, "m", "excluded");
        if (column.merge == Merge::fact)
            appendStringInfoString(sql, " END");
    });
    if ((columns & column_error) != 0)
        for (const char *name : error_columns) {
            appendStringInfo(sql, ", %s = CASE WHEN ", name);
            append_error_precedes(sql, "m", "excluded");
            appendStringInfo(sql, " THEN excluded.%s ELSE m.%s END", name, name);
        }
}

// Would merging row x into the row `m` of message change anything, the trail included?
void append_changes(StringInfo sql, std::uint32_t columns, const char *m, const char *x) {
    appendStringInfo(sql, "NOT %s.status OPERATOR(msgstatus.<@) %s.status OR ", x, m);
    append_facts_change(sql, columns, m, x);
    // The row's last change is no earlier than the receipt of any of its events. So what is received later cannot take
    // an event's place in the trail, and it is enough to know that the event is there.
    appendStringInfo(sql,
                     " OR NOT (%s.received_at > %s.updated_at "
                     "AND msgstatus.known_events_hold(%s.known_events, %s.known_events)) "
                     "AND NOT msgstatus.trail_holds(%s.message_id, %s.fingerprints, %s.digests, %s.received_at)",
                     x, m, m, x, x, x, x, x);
}

// The columns of the type message_change.
constexpr std::array columns_of_change{
    "message_id", "fingerprints", "digests",       "known_events", "received_at", "status",       "provider",
    "direction",  "sender",       "recipient",     "message_type", "content",     "media_url",    "error_at",
    "error_code", "error_title",  "error_details", "price",        "price_unit",  "num_segments", "pricing_category",
    "billable",   "changed_at",   "campaign_id",   "metadata",     "created_at"};
static_assert(columns_of_change.size() == message_change_columns);

// A change whose columns are parameters, under the name that a row has in ON CONFLICT, where its time of change has
// another one, too.
const char *change_of_parameters() {
    StringInfoData sql;
    initStringInfo(&sql);
    int parameters = 0;
    for (const char *name : columns_of_change) {
        appendStringInfo(&sql, "%s$%d AS %s", parameters == 0 ? "(SELECT " : ", ", parameters + 1, name);
        ++parameters;
        if (std::string_view(name) == "changed_at")
            appendStringInfo(&sql, ", $%d AS updated_at", parameters);
    }
    appendStringInfoString(&sql, ") AS excluded");
    return sql.data;
}

void append_insert(StringInfo sql, std::uint32_t columns, const char *x) {
    appendStringInfoString(
        sql,
        "INSERT INTO msgstatus.message AS m (message_id, status, created_at, updated_at, last_change, known_events");
    append_column_names(sql, columns, "");
    appendStringInfo(sql,
                     ") SELECT %s.message_id, %s.status, LEAST(%s.received_at, %s.changed_at, %s.created_at), "
                     "%s.changed_at, msgstatus.status_change('{}', %s.status) | %u, %s.known_events",
                     x, x, x, x, x, x, x, last_change_inserted, x);
    append_column_names(sql, columns, psprintf("%s.", x));
}

void append_on_conflict_update(StringInfo sql, std::uint32_t columns) {
    appendStringInfoString(sql, " ON CONFLICT (message_id) DO UPDATE SET ");
    append_assignments(sql, columns);
}

const char *returning(StringInfo sql) {
    appendStringInfo(sql, " RETURNING %s", written_columns);
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
                     static_cast<int>(message_change_columns) + 1);
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

std::uint32_t bit_if(bool holds, MessageColumn column) {
    return holds ? column : 0U;
}

} // namespace

std::uint32_t columns_of(const MessageChange &change) {
    const MessageFacts &f = change.facts;
    return bit_if(!f.provider.empty(), column_provider) | bit_if(!f.direction.empty(), column_direction) |
           bit_if(!f.sender.empty(), column_sender) | bit_if(!f.recipient.empty(), column_recipient) |
           bit_if(!f.message_type.empty(), column_message_type) | bit_if(!f.content.empty(), column_content) |
           bit_if(!f.media_url.empty(), column_media_url) | bit_if(f.price != nullptr, column_price) |
           bit_if(!f.price_unit.empty(), column_price_unit) | bit_if(f.num_segments.has_value(), column_num_segments) |
           bit_if(!f.pricing_category.empty(), column_pricing_category) |
           bit_if(f.billable.has_value(), column_billable) | bit_if(change.error_at.has_value(), column_error) |
           bit_if(f.campaign_id != nullptr, column_campaign_id) | bit_if(f.metadata != nullptr, column_metadata);
}

MessageStatements message_statements(std::uint32_t columns) {
    const char *change = change_of_parameters();
    return {merge_text(columns), merge_new_text(columns), look_at_one_text(columns, change),
            update_one_text(columns, change), merge_one_text(columns, change)};
}

} // namespace msgstatus
