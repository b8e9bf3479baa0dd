#include "reflect/message_lock.hpp"

#include <new>

#include "alias/aliases.hpp"
#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"
#include "postgres/subtransaction.hpp"
#include "postgres/text_array.hpp"
#include "reflect/message_keys.hpp"
#include "types/message_status_datum.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "miscadmin.h"
}

namespace msgstatus {
namespace {

// Each message is looked up by its key, in the order of ids, and locked in that order. A join would keep the plan of
// when the table was small, and read the table.
PreparedStatement read_statement(R"(
SELECT m.*
FROM (SELECT u.id FROM pg_catalog.unnest($1) AS u (id) ORDER BY u.id COLLATE "C" OFFSET 0) AS k
CROSS JOIN LATERAL (
    SELECT r.message_id, r.status, r.error_code, r.error_title, r.error_details, r.updated_at, r.xmin
    FROM msgstatus.message AS r WHERE r.message_id = k.id OFFSET 0
) AS m)");

PreparedStatement read_and_lock_statement(R"(
SELECT m.*
FROM (SELECT u.id FROM pg_catalog.unnest($1) AS u (id) ORDER BY u.id COLLATE "C" OFFSET 0) AS k
CROSS JOIN LATERAL (
    SELECT r.message_id, r.status, r.error_code, r.error_title, r.error_details, r.updated_at, r.xmin
    FROM msgstatus.message AS r WHERE r.message_id = k.id FOR SHARE
) AS m)");

// For a table that MessageKeys cannot write to. ON CONFLICT locks a row even where WHERE leaves it alone.
PreparedStatement lock_statement(R"(
INSERT INTO msgstatus.message AS m (message_id) SELECT k.message_id FROM pg_catalog.unnest($1) AS k (message_id)
ON CONFLICT (message_id) DO UPDATE SET updated_at = m.updated_at WHERE false
RETURNING m.message_id)");

// The key stays locked: who inserts it waits for the transaction that did so before, even when that has deleted it.
PreparedStatement unlock_statement(R"(
DELETE FROM msgstatus.message AS m USING pg_catalog.unnest($1) AS k (message_id) WHERE m.message_id = k.message_id)");

void execute(PreparedStatement &statement, const Vector<Text> &ids) {
    statement.execute(TEXTARRAYOID, text_array_of(ids), latest_snapshot());
}

constexpr std::array known_columns{
    ColumnShape{"message_id", TEXTOID},    ColumnShape{"status", InvalidOid, "message_status"},
    ColumnShape{"error_code", INT4OID},    ColumnShape{"error_title", TEXTOID},
    ColumnShape{"error_details", TEXTOID}, ColumnShape{"updated_at", TIMESTAMPTZOID},
    ColumnShape{"xmin", XIDOID},
};

KnownMessage message_of_row(HeapTuple row, TupleDesc description) {
    std::array<Datum, known_columns.size()> values;
    std::array<bool, known_columns.size()> nulls;
    heap_deform_tuple(row, description, values.data(), nulls.data());
    const auto text_at = [&](int i) { return nulls[i] ? Text() : view_of(DatumGetTextPP(values[i])); };
    KnownMessage message;
    Reflection &r = message.reflection;
    r.message_id = text_at(0);
    r.status = status_of_datum(values[1]);
    if (!nulls[2])
        r.error.code = DatumGetInt32(values[2]);
    r.error.title = text_at(3);
    r.error.details = text_at(4);
    r.changed_at = DatumGetTimestampTz(values[5]);
    message.written_by = DatumGetTransactionId(values[6]);
    return message;
}

Vector<KnownMessage> messages_read() {
    check_result(known_columns);
    Vector<KnownMessage> messages;
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i) {
        const KnownMessage message = message_of_row(SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
        if (message.reflection.status.present != 0)
            messages.push(message);
    }
    return messages;
}

// The ids in the first column of the rows that a checked statement returned.
Vector<Text> returned_ids() {
    Vector<Text> ids;
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i) {
        bool is_null = false;
        ids.push(view_of(DatumGetTextPP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null))));
    }
    return ids;
}

// An id that is taken in vain leaves a dead row. So ids that are new and known by turns are looked for.
constexpr int few_unknown = 8;

// One pass over known and unknown ids, in their order, as a call makes it: two passes could wait for each other in a
// circle.
void lock_in_order(const Vector<Text> &message_ids, MessageKeys &keys, LockTupleMode mode) {
    int unknown_in_a_row = 0;
    for (const Text id : message_ids) {
        // After some unknown ids the next one mostly is unknown, too: taking it tells, and saves the look.
        bool is_known = unknown_in_a_row < few_unknown && keys.lock(id, mode);
        while (!is_known && !keys.take(id))
            is_known = keys.lock(id, mode);
        unknown_in_a_row = is_known ? 0 : unknown_in_a_row + 1;
    }
}

Vector<Reflection> reflections_of(const Vector<KnownMessage> &messages) {
    Vector<Reflection> reflections;
    for (const KnownMessage &message : messages)
        reflections.push(message.reflection);
    return reflections;
}

Vector<Reflection> lock_known(const Vector<Text> &message_ids) {
    execute(read_and_lock_statement, message_ids);
    return reflections_of(messages_read());
}

Vector<Reflection> lock_by_statements(const Vector<Text> &message_ids) {
    execute(lock_statement, message_ids);
    check_result(std::array{ColumnShape{"message_id", TEXTOID}});
    const Vector<Text> unknown = returned_ids();
    if (!unknown.empty())
        execute(unlock_statement, unknown);
    return unknown.size() == message_ids.size() ? Vector<Reflection>() : lock_known(message_ids);
}

// Locks known and unknown messages, whose ids are not aliases, and gives those that have a status.
Vector<Reflection> lock_all(const Vector<Text> &message_ids, LockTupleMode mode) {
    MessageKeys keys;
    if (!keys.open())
        return lock_by_statements(message_ids);
    lock_in_order(message_ids, keys, mode);
    keys.close();
    execute(read_statement, message_ids);
    return reflections_of(messages_read());
}

Text &id_of(Reflection &message) {
    return message.message_id;
}

Text &id_of(KnownMessage &message) {
    return message.reflection.message_id;
}

// Returns the messages under the ids by which somebody named them, in the order of those.
template <typename Message>
Vector<Message> as_named(Vector<Message> messages, const Vector<Alias> &aliases, const Vector<Text> &ids) {
    if (aliases.empty())
        return messages;
    Vector<Message> named;
    for (const Text id : ids) {
        const Text message_id = message_of(aliases, id);
        auto *found = std::lower_bound(messages.begin(), messages.end(), message_id,
                                       [](Message &m, Text wanted) { return id_of(m) < wanted; });
        if (found == messages.end() || id_of(*found) != message_id)
            continue;
        named.push(*found);
        id_of(named.back()) = id;
    }
    return named;
}

} // namespace

Vector<KnownMessage> read_messages(const Vector<Text> &ids) {
    const Vector<Alias> aliases = aliases_among(ids);
    execute(read_statement, messages_of(aliases, ids));
    return as_named(messages_read(), aliases, ids);
}

Vector<Reflection> lock_known_messages(const Vector<Text> &ids) {
    const Vector<Alias> aliases = aliases_among(ids);
    return as_named(lock_known(messages_of(aliases, ids)), aliases, ids);
}

Vector<Reflection> lock_messages(const Vector<Text> &ids) {
    // What a subtransaction that is undone leaves of it is not to be relied upon.
    struct Locked {
        Vector<Reflection> messages;
        Vector<Alias> aliases;
    };
    auto *locked = new (palloc(sizeof(Locked))) Locked;
    const auto lock = [&] {
        const Vector<Text> message_ids = messages_of(aliases_among(ids), ids);
        locked->messages = lock_all(message_ids, LockTupleShare);
        // An id may have become an alias while this waited for it.
        locked->aliases = aliases_among(ids);
        const Vector<Text> now = messages_of(locked->aliases, ids);
        return std::equal(now.begin(), now.end(), message_ids.begin(), message_ids.end());
    };
    // The messages of aliases stand at other places of the order: the locks are given away, and it begins anew.
    const bool had_aliases = may_have_aliases();
    while (!(had_aliases ? attempt_or_undo(lock) : lock()))
        CHECK_FOR_INTERRUPTS();
    return as_named(locked->messages, locked->aliases, ids);
}

void lock_messages_to_change(const Vector<Text> &message_ids) {
    (void)lock_all(message_ids, LockTupleExclusive);
}

} // namespace msgstatus
