#include "pg/rollup_upsert.hpp"

#include "pg/composite.hpp"
#include "pg/delay_histogram_datum.hpp"
#include "pg/prepared.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"
}

namespace msgstatus {
namespace {

CompositeType rollup_row_type("rollup_row");

constexpr std::array<const char *, counter_count + delay_count + 1> columns{"messages",
                                                                            "sent",
                                                                            "in_processing",
                                                                            "in_received",
                                                                            "in_pending",
                                                                            "in_scheduled",
                                                                            "in_accepted",
                                                                            "in_queued",
                                                                            "in_sending",
                                                                            "in_sent",
                                                                            "in_partially_delivered",
                                                                            "in_skipped",
                                                                            "in_canceled",
                                                                            "in_failed",
                                                                            "in_undelivered",
                                                                            "in_delivered",
                                                                            "in_read",
                                                                            "in_played",
                                                                            "delivery",
                                                                            "reading",
                                                                            "failure",
                                                                            "recipients"};
constexpr std::size_t delays_from = counter_count;
constexpr std::size_t recipients_at = counter_count + delay_count;

std::uint32_t columns_of(const RollupRow &row) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < counter_count; ++i)
        bits |= row.counters[i] != 0 ? 1U << i : 0U;
    for (std::size_t i = 0; i < delay_count; ++i)
        bits |= row.delays[i] != nullptr && !row.delays[i]->empty() ? 1U << (delays_from + i) : 0U;
    return bits | (row.recipients != 0 ? 1U << recipients_at : 0U);
}

void put_row(RowBuilder &row, const RollupRow &r) {
    row.put_null(); // the rollup is named by the statement
    row.put_time(r.hour);
    row.put_text(r.key->provider);
    row.put_text(r.business);
    row.put_text(r.key->message_type);
    row.put_text(r.key->direction);
    row.put_pointer(r.key->campaign_id);
    row.put_optional(r.key->error_code);
    for (const std::int32_t counter : r.counters)
        row.put(Int32GetDatum(counter));
    for (const DelayHistogram *histogram : r.delays)
        row.put(histogram_datum(histogram == nullptr ? DelayHistogram{} : *histogram));
    row.put(Int64GetDatum(r.recipients));
}

struct Rollup {
    const char *table;
    const char *key;        // its columns
    std::uint32_t counters; // the columns it has
};

constexpr std::uint32_t shared_counters = (1U << recipients_at) - 1;
constexpr Rollup message_rollup{"message_rollup", "hour, provider, sender, message_type, direction, campaign_id",
                                shared_counters};
constexpr Rollup hour_rollup{"hour_rollup", "hour", shared_counters | 1U << recipients_at};
constexpr Rollup failure_rollup{"failure_rollup", "hour, provider, error_code", 1U << counter_messages};

// Writers that are there at the same time have slots of their own, as long as there are no more of them; slot 0 is
// that of maintain().
constexpr int slots = 64;

int slot_of_this_backend() {
#if PG_VERSION_NUM >= 170000
    return 1 + MyProcNumber % slots;
#else
    return 1 + MyBackendId % slots;
#endif
}

const char *statement_text(const Rollup &rollup, std::uint32_t changed) {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfo(&sql, "INSERT INTO msgstatus.%s AS r (%s, slot", rollup.table, rollup.key);
    const auto for_each_changed = [changed](auto visit) {
        for (std::size_t i = 0; i < columns.size(); ++i)
            if ((changed & 1U << i) != 0)
                visit(i);
    };
    for_each_changed([&](std::size_t i) { appendStringInfo(&sql, ", %s", columns[i]); });
    appendStringInfo(&sql, ") SELECT %s, %d", rollup.key, slot_of_this_backend());
    for_each_changed([&](std::size_t i) { appendStringInfo(&sql, ", c.%s", columns[i]); });
    appendStringInfo(&sql, " FROM pg_catalog.unnest($1) AS c ON CONFLICT (%s, slot) DO UPDATE SET ", rollup.key);
    const char *separator = "";
    for_each_changed([&](std::size_t i) {
        const bool is_delay = i >= delays_from && i < recipients_at;
        appendStringInfo(&sql, "%s%s = r.%s %s excluded.%s", separator, columns[i], columns[i],
                         is_delay ? "OPERATOR(msgstatus.+)" : "+", columns[i]);
        separator = ", ";
    });
    return sql.data;
}

// Prepared for the columns that change, since calls with few statuses change few, and setting up each takes time. When
// the places are taken, the last one serves all columns.
struct Variant {
    std::uint32_t changed = 0;
    PreparedStatement statement;
};

struct Variants {
    std::array<Variant, 48> variants;
    std::size_t count = 0;

    PreparedStatement &find(const Rollup &rollup, std::uint32_t changed) {
        for (std::size_t i = 0; i < count; ++i)
            if (variants[i].changed == changed)
                return variants[i].statement;
        if (count + 1 >= variants.size() && changed != rollup.counters)
            return find(rollup, rollup.counters);
        const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
        const char *text = statement_text(rollup, changed);
        MemoryContextSwitchTo(caller);
        Variant &added = variants[count++];
        added = {changed, PreparedStatement(text)};
        return added.statement;
    }
};

Variants message_rollup_statements;
Variants hour_rollup_statements;
Variants failure_rollup_statements;

void add_rows(const Rollup &rollup, Variants &statements, std::span<const RollupRow> rows) {
    std::uint32_t changed = 0;
    for (const RollupRow &row : rows)
        changed |= columns_of(row);
    changed &= rollup.counters;
    if (changed != 0)
        statements.find(rollup, changed).execute(rollup_row_type.array_oid(), rollup_row_type.array_of(rows, put_row));
}

} // namespace

bool RollupRow::changes_nothing() const {
    return columns_of(*this) == 0;
}

void add_to_message_rollup(std::span<const RollupRow> rows) {
    add_rows(message_rollup, message_rollup_statements, rows);
}

void add_to_hour_rollup(std::span<const RollupRow> rows) {
    add_rows(hour_rollup, hour_rollup_statements, rows);
}

void add_to_failure_rollup(std::span<const RollupRow> rows) {
    add_rows(failure_rollup, failure_rollup_statements, rows);
}

} // namespace msgstatus
