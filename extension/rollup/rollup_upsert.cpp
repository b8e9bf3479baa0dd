#include "rollup/rollup_upsert.hpp"

#include "postgres/composite_type.hpp"
#include "postgres/prepared_statement.hpp"
#include "types/delay_histogram_datum.hpp"

extern "C" {
#include "access/twophase.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/memutils.h"
}

namespace msgstatus {
namespace {

// The names of the columns that count messages by state: "in_" and the state's label.
constexpr auto state_columns = [] {
    constexpr std::string_view prefix = "in_";
    std::array<std::array<char, 24>, state_count> names{};
    for (std::size_t i = 0; i < state_count; ++i)
        std::copy(state_names[i].begin(), state_names[i].end(),
                  std::copy(prefix.begin(), prefix.end(), names[i].begin()));
    return names;
}();

// The columns of the type rollup_row, after the name of the rollup: first those of keys, then what is counted.
constexpr std::size_t counters_from = 7;
constexpr auto columns = [] {
    std::array<const char *, counters_from + counter_count + delay_count + 1> names{
        "hour", "provider", "sender", "message_type", "direction", "campaign_id", "error_code", "messages", "sent"};
    auto *next = names.begin() + counters_from + counter_in_state;
    for (const auto &name : state_columns)
        *next++ = name.data();
    for (const char *name : {"delivery", "reading", "failure", "recipients"})
        *next++ = name;
    return names;
}();
constexpr std::size_t delays_from = counters_from + counter_count;
constexpr std::size_t recipients_at = delays_from + delay_count;

constexpr ColumnShape shape_of(std::size_t at) {
    constexpr std::array<Oid, counters_from> key_types{TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID,
                                                       TEXTOID,        UUIDOID, INT4OID};
    if (at < counters_from)
        return {columns[at], key_types[at]};
    if (at < delays_from)
        return {columns[at], INT4OID};
    if (at < recipients_at)
        return {columns[at], InvalidOid, "delay_histogram"};
    return {columns[at], INT8OID};
}

constexpr auto rollup_row_columns = [] {
    std::array<ColumnShape, 1 + columns.size()> shape{{{"rollup", TEXTOID}}};
    for (std::size_t at = 0; at < columns.size(); ++at)
        shape[1 + at] = shape_of(at);
    return shape;
}();

CompositeType rollup_row_type("rollup_row", rollup_row_columns);

// A set of columns.
using Columns = std::uint32_t;
static_assert(columns.size() < 32 && columns.size() < PreparedStatement::max_parameters);

constexpr Columns column(std::size_t at) {
    return Columns{1} << at;
}

constexpr Columns key_columns = column(counters_from) - 1;
constexpr Columns error_code_column = column(counters_from - 1);
constexpr Columns all_counters = (column(columns.size()) - 1) & ~key_columns;

template <typename Visit>
void for_each(Columns set, Visit visit) {
    for (std::size_t at = 0; at < columns.size(); ++at)
        if ((set & column(at)) != 0)
            visit(at);
}

// The columns whose counters change.
Columns changed_columns(const RollupRow &row) {
    Columns changed = 0;
    for (std::size_t i = 0; i < counter_count; ++i)
        changed |= row.counters[i] != 0 ? column(counters_from + i) : 0;
    for (std::size_t i = 0; i < delay_count; ++i)
        changed |= row.delays[i] != nullptr && !row.delays[i]->empty() ? column(delays_from + i) : 0;
    return changed | (row.recipients != 0 ? column(recipients_at) : 0);
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

// A row's slot is of a backend number, so no two transactions that run write to the same row; slot 0 is that of
// fold_rollups(). A number has many slots, and a transaction goes on to further ones in two cases:
//
// - What it writes to a row leaves a version of it that stays until it ends, and the next update has to pass by all of
//   them. So one that makes many calls goes on after so many of them.
// - A prepared transaction keeps its rows locked, however long, and its backend goes on to the next transaction, or
// ends
//   and leaves its number to another. So each transaction holds a lock on the block of slots that it writes to, which
//   PREPARE TRANSACTION keeps, and leaves out blocks that are held.
constexpr int writes_per_slot = 500;
constexpr int backends = 1 << 18; // more than PostgreSQL can have
constexpr int slots_of_a_backend = PG_INT32_MAX / backends;
constexpr int slots_per_block = 16;
constexpr int blocks_of_a_backend = slots_of_a_backend / slots_per_block;

int backend_number() {
#if PG_VERSION_NUM >= 170000
    return 1 + MyProcNumber;
#else
    return MyBackendId;
#endif
}

// Holds a block of slots until the transaction ends, prepared or not; returns whether it is free. What holds it already
// asks again each time: a savepoint that is rolled back gives it away.
bool hold_block(int block) {
    // Apart from the advisory locks of SQL, whose class is 1 or 2, so that nobody can take them from there.
    constexpr std::uint16_t lock_class = 0x6d73;
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<std::uint32_t>(backend_number()),
                         static_cast<std::uint32_t>(block), lock_class);
    return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

int slot_to_write() {
    static FullTransactionId transaction{};
    static int turn = 0; // which of the slots of the number
    static int writes = 0;

    const FullTransactionId current = GetTopFullTransactionId();
    if (!FullTransactionIdEquals(current, transaction)) {
        transaction = current;
        turn = 0;
        writes = 0;
    }
    if (writes++ == writes_per_slot) {
        turn = (turn + 1) % (blocks_of_a_backend * slots_per_block);
        writes = 1;
    }
    // Where all are held, it waits in the last.
    if (max_prepared_xacts > 0)
        while (!hold_block(turn / slots_per_block) && turn / slots_per_block + 1 < blocks_of_a_backend)
            turn = (turn / slots_per_block + 1) * slots_per_block;
    return backend_number() + backends * turn;
}

void append_names(StringInfo sql, Columns set, const char *prefix = "") {
    const char *separator = "";
    for_each(set, [&](std::size_t at) {
        appendStringInfo(sql, "%s%s%s", separator, prefix, columns[at]);
        separator = ", ";
    });
}

const char *plus(std::size_t at) {
    return at >= delays_from && at < recipients_at ? "OPERATOR(msgstatus.+)" : "+";
}

// A rollup, and the statements that were prepared for it: calls with few statuses change few columns, and setting up
// each takes time. When the places are taken, the last one serves all columns.
class Rollup {
public:
    constexpr Rollup(const char *table, Columns key, Columns counters)
        : table_(table), key_(key), counters_(counters) {}

    void add(std::span<const RollupRow> rows) {
        Columns changed = 0;
        for (const RollupRow &row : rows)
            changed |= changed_columns(row);
        changed &= counters_;
        if (changed == 0)
            return;
        const Datum slot = Int32GetDatum(slot_to_write());
        if (rows.size() == 1 && update(rows[0], changed, slot))
            return;
        const std::array<Oid, 2> types{rollup_row_type.array_oid(), INT4OID};
        const std::array<Datum, 2> parameters{rollup_row_type.array_of(rows, put_row), slot};
        upsert(changed).execute(types, parameters);
    }

private:
    struct Variant {
        Columns changed = 0;
        Columns absent = 0; // of the key
        PreparedStatement statement;
    };

    template <std::size_t places>
    struct Variants {
        std::array<Variant, places> variants;
        std::size_t count = 0;

        PreparedStatement *find(Columns changed, Columns absent) {
            for (std::size_t i = 0; i < count; ++i)
                if (variants[i].changed == changed && variants[i].absent == absent)
                    return &variants[i].statement;
            return nullptr;
        }
        bool is_full(std::size_t kept = 0) const { return count + kept >= places; }
        PreparedStatement *add(Columns changed, Columns absent, const char *text) {
            Variant &added = variants[count++];
            added = {changed, absent, PreparedStatement(text)};
            return &added.statement;
        }
    };

    // Adds to a row that is there, as it mostly is. The upsert would look for the row, lock it, and then write it, and
    // takes a third longer. Returns whether the row was there.
    bool update(const RollupRow &row, Columns changed, Datum slot) {
        RowBuilder builder;
        builder.start();
        put_row(builder, row);
        const Datum *values = builder.values() + 1;
        const bool *nulls = builder.nulls() + 1;
        Columns absent = 0;
        for_each(key_, [&](std::size_t at) { absent |= nulls[at] ? column(at) : 0; });
        PreparedStatement *statement = updates_.find(changed, absent);
        if (statement == nullptr) {
            if (updates_.is_full())
                return false;
            statement = updates_.add(changed, absent, update_text(changed, absent));
        }
        std::array<std::size_t, columns.size()> places;
        std::array<Datum, columns.size() + 1> parameters;
        std::array<Oid, columns.size() + 1> types;
        std::size_t count = 0;
        for_each(changed | (key_ & ~absent), [&](std::size_t at) {
            places[count] = at + 1;
            parameters[count++] = values[at];
        });
        rollup_row_type.types_of({places.data(), count}, types);
        types[count] = INT4OID;
        parameters[count++] = slot;
        statement->execute({types.data(), count}, {parameters.data(), count});
        return SPI_processed > 0;
    }

    const char *update_text(Columns changed, Columns absent) const {
        StringInfoData sql;
        init_text(&sql);
        // Parameters come in the order of the columns: those of the key are first.
        int parameter = 0;
        StringInfoData condition;
        initStringInfo(&condition);
        for_each(key_, [&](std::size_t at) {
            if ((absent & column(at)) != 0)
                appendStringInfo(&condition, "r.%s IS NULL AND ", columns[at]);
            else
                appendStringInfo(&condition, "r.%s = $%d AND ", columns[at], ++parameter);
        });
        appendStringInfo(&sql, "UPDATE msgstatus.%s AS r SET ", table_);
        const char *separator = "";
        for_each(changed, [&](std::size_t at) {
            appendStringInfo(&sql, "%s%s = r.%s %s $%d", separator, columns[at], columns[at], plus(at), ++parameter);
            separator = ", ";
        });
        // Were the slot no parameter, the planner might take the index of the rows that are not folded.
        appendStringInfo(&sql, " WHERE %s r.slot = $%d", condition.data, ++parameter);
        return sql.data;
    }

    PreparedStatement &upsert(Columns changed) {
        if (PreparedStatement *found = upserts_.find(changed, 0))
            return *found;
        if (upserts_.is_full(1) && changed != counters_)
            return upsert(counters_);
        return *upserts_.add(changed, 0, upsert_text(changed));
    }

    const char *upsert_text(Columns changed) const {
        StringInfoData sql;
        init_text(&sql);
        appendStringInfo(&sql, "INSERT INTO msgstatus.%s AS r (", table_);
        append_names(&sql, key_ | changed);
        appendStringInfoString(&sql, ", slot) SELECT ");
        append_names(&sql, key_ | changed, "c.");
        appendStringInfoString(&sql, ", $2 FROM pg_catalog.unnest($1) AS c ON CONFLICT (");
        append_names(&sql, key_);
        appendStringInfoString(&sql, ", slot) DO UPDATE SET ");
        const char *separator = "";
        for_each(changed, [&](std::size_t at) {
            appendStringInfo(&sql, "%s%s = r.%s %s excluded.%s", separator, columns[at], columns[at], plus(at),
                             columns[at]);
            separator = ", ";
        });
        return sql.data;
    }

    // The text lives as long as the backend.
    static void init_text(StringInfo sql) {
        const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
        initStringInfo(sql);
        MemoryContextSwitchTo(caller);
    }

    const char *table_;
    Columns key_;
    Columns counters_;
    Variants<96> updates_;
    Variants<48> upserts_;
};

Rollup message_rollup("message_rollup", key_columns & ~error_code_column, all_counters);
Rollup failure_rollup("failure_rollup", column(0) | column(1) | error_code_column, column(counters_from));

} // namespace

bool RollupRow::changes_nothing() const {
    return changed_columns(*this) == 0;
}

void add_to_message_rollup(std::span<const RollupRow> rows) {
    message_rollup.add(rows);
}

void add_to_failure_rollup(std::span<const RollupRow> rows) {
    failure_rollup.add(rows);
}

} // namespace msgstatus
