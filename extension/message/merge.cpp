#include "message/merge.hpp"

#include "message/change_columns.hpp"
#include "message/merge_sql.hpp"
#include "postgres/row_parameters.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/memutils.h"
}

namespace msgstatus {
namespace {

struct Variant {
    std::uint32_t columns = 0;
    PreparedStatement merge;
    PreparedStatement merge_new;
    PreparedStatement look_at_one;
    PreparedStatement update_one;
    PreparedStatement merge_one;
};

// The statements for the combinations of columns met so far. Webhooks come in few shapes, so there are few; the last
// place is kept for the statements with every column, which serve whatever comes when the others are taken.
std::array<Variant, 32> variants;
std::size_t variant_count = 0;

Variant *find_variant(std::uint32_t columns) {
    const auto end = variants.begin() + variant_count;
    const auto found = std::find_if(variants.begin(), end, [&](const Variant &v) { return v.columns == columns; });
    return found == end ? nullptr : &*found;
}

Variant &variant_for(std::uint32_t columns) {
    if (Variant *found = find_variant(columns))
        return *found;
    if (variant_count + 1 >= variants.size()) {
        columns = all_merged_columns;
        if (Variant *found = find_variant(columns))
            return *found;
    }
    const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
    const MessageStatements texts = message_statements(columns);
    MemoryContextSwitchTo(caller);
    Variant &added = variants[variant_count++];
    added = {columns,
             PreparedStatement(texts.merge),
             PreparedStatement(texts.merge_new),
             PreparedStatement(texts.look_at_one),
             PreparedStatement(texts.update_one),
             PreparedStatement(texts.merge_one)};
    return added;
}

// Takes over the rows that a statement wrote. They come back in the order in which they went in, and where a trigger of
// the user's wrote others instead, those are only counted.
Vector<WrittenMessage> take_written(std::span<MessageChange> changes) {
    check_result(written_shape);
    Vector<WrittenMessage> all;
    auto change = changes.begin();
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i) {
        std::array<Datum, written_column_count> values;
        std::array<bool, written_column_count> nulls;
        heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values.data(), nulls.data());
        const WrittenMessage written = written_message(values.data(), nulls.data());
        all.push(written);
        const auto found = std::find_if(change, changes.end(),
                                        [&](const MessageChange &c) { return c.message_id == written.message_id; });
        if (found == changes.end())
            continue;
        found->written = true;
        found->added_states = written.added_states();
        found->replaced = (written.last_change & last_change_replaced) != 0;
        change = found + 1;
    }
    return all;
}

constexpr std::array look_columns{ColumnShape{"changes", BOOLOID}, ColumnShape{"changes_facts", BOOLOID},
                                  ColumnShape{"xmin", XIDOID}};

struct Look {
    bool is_there = false;
    bool changes = false;
    bool changes_facts = false;
    Datum written_by = 0;
};

Look look_at(const RowParameters &change, Variant &statements) {
    change.execute(statements.look_at_one);
    Look look;
    look.is_there = SPI_processed > 0;
    if (look.is_there) {
        check_result(look_columns);
        std::array<Datum, look_columns.size()> values;
        std::array<bool, look_columns.size()> nulls;
        heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values.data(), nulls.data());
        look.changes = DatumGetBool(values[0]);
        look.changes_facts = DatumGetBool(values[1]);
        look.written_by = values[2];
    }
    SPI_freetuptable(SPI_tuptable);
    return look;
}

// Merges one change by itself. Looking first, by statements that are quick to set up, costs a first delivery no more
// than the check within the merge, and a redelivery no more than the look. What the look tells is used as long as the
// row is as it was seen: mostly a message's facts are known, and setting up what merges them would be half of the
// update.
std::optional<Vector<WrittenMessage>> merge_one(Variant &statements, MessageChange &changed) {
    RowBuilder row;
    row.start();
    put_change(row, changed);
    RowParameters change(message_change_type, row);
    const Look look = look_at(change, statements);
    if (look.is_there && !look.changes)
        return Vector<WrittenMessage>();
    if (look.is_there) {
        Variant &needed = look.changes_facts ? statements : variant_for(0);
        change.execute_with(XIDOID, look.written_by, needed.update_one);
        if (SPI_processed > 0)
            return take_written({&changed, 1});
        SPI_freetuptable(SPI_tuptable);
        // PostgreSQL follows a row to its new id, and locks it there.
        if (!look_at(change, statements).is_there)
            return std::nullopt;
    }
    change.execute(statements.merge_one);
    return take_written({&changed, 1});
}

} // namespace

std::optional<Vector<WrittenMessage>> merge_messages(std::span<MessageChange> changes, bool mostly_new) {
    std::uint32_t columns = 0;
    for (const MessageChange &change : changes)
        columns |= columns_of(change);
    Variant &statements = variant_for(columns);
    if (changes.size() == 1)
        return merge_one(statements, changes[0]);
    PreparedStatement &merge = mostly_new ? statements.merge_new : statements.merge;
    merge.execute(message_change_type.array_oid(), message_change_type.array_of(changes, put_change));
    return take_written(changes);
}

} // namespace msgstatus
