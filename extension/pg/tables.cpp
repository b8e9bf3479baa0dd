#include "pg/tables.hpp"

#include "pg/composite.hpp"
#include "pg/delivery_state_datum.hpp"
#include "pg/installation.hpp"
#include "pg/known_events_datum.hpp"
#include "pg/message_upsert.hpp"
#include "pg/message_status_datum.hpp"
#include "pg/prepared.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"
}

// The statements name every function, operator and type by its schema or rely on the search_path that the calling
// function pins. They are written for a table that is distributed one day (docs/design.md): every key contains
// message_id, times come through the row, and nothing in DO UPDATE is volatile.

namespace msgstatus {
namespace {

CompositeType observation_type("observation");
CompositeType message_change_type("message_change");
CompositeType rejection_type("rejection");

PreparedStatement look_up_kept_out_statement(R"(
SELECT NOT EXISTS (SELECT FROM msgstatus.message AS m
    WHERE m.message_id = c.message_id AND c.status OPERATOR(msgstatus.<@) m.status)
FROM pg_catalog.unnest($1) AS c)");

// What the trail says of each observation, in their order: nothing, the same, or something else.
PreparedStatement look_up_events_statement(R"(
SELECT (SELECT e.digest = o.digest AND e.received_at <= o.received_at FROM msgstatus.status_event AS e
    WHERE e.message_id = o.message_id AND e.fingerprint = o.fingerprint LIMIT 1)
FROM pg_catalog.unnest($1) AS o)");

PreparedStatement insert_events_statement(R"(
INSERT INTO msgstatus.status_event AS e (message_id, fingerprint, digest, state, event_time, received_at, time_source,
    source, participant, error_code, error_title, error_details, detail)
SELECT o.message_id, o.fingerprint, o.digest, o.state, o.event_time, o.received_at, o.time_source, o.source,
    o.participant, o.error_code, o.error_title, o.error_details, o.detail
FROM pg_catalog.unnest($1) AS o)");

// A total order over everything that a repetition of an observation may say otherwise: the earliest receipt wins, then
// the richer detail, then the smaller texts, then the detail as text (1.0 and 1.00 are equal), then the digest. The
// winner is the same in whatever order they come.
PreparedStatement correct_events_statement(R"(
UPDATE msgstatus.status_event AS e
SET digest = o.digest, event_time = o.event_time, received_at = o.received_at, time_source = o.time_source, source = o.source,
    error_title = o.error_title, error_details = o.error_details, detail = o.detail
FROM pg_catalog.unnest($1) AS o
WHERE e.message_id = o.message_id AND e.fingerprint = o.fingerprint
    AND (o.received_at < e.received_at
        OR o.received_at = e.received_at
        AND (COALESCE(e.detail, '{}'), COALESCE(o.error_title, ''), COALESCE(o.error_details, ''), COALESCE(o.source, ''),
                COALESCE(o.detail::text, '') COLLATE "C", o.digest)
            < (COALESCE(o.detail, '{}'), COALESCE(e.error_title, ''), COALESCE(e.error_details, ''), COALESCE(e.source, ''),
                COALESCE(e.detail::text, '') COLLATE "C", e.digest))
)");

PreparedStatement insert_rejections_statement(R"(
INSERT INTO msgstatus.rejected_status (received_at, source, provider, sender, reason, payload, body)
SELECT r.received_at, r.source, r.provider, r.sender, r.reason, r.payload, r.body
FROM pg_catalog.unnest($1) AS r)");

void put_error(RowBuilder &row, const ErrorInfo &error) {
    row.put_optional(error.code);
    row.put_text(error.title);
    row.put_text(error.details);
}

void put_observation(RowBuilder &row, const Observation *o) {
    row.put_text(o->message_id);
    row.put(Int64GetDatum(o->fingerprint));
    row.put(Int32GetDatum(o->digest));
    row.put(state_datum(o->state));
    row.put_time(o->event_time);
    row.put_time(o->received_at);
    row.put_text(o->time_of_receipt ? "receipt" : "provider");
    row.put_text(o->source);
    row.put_text(o->participant);
    put_error(row, o->error);
    row.put_pointer(o->detail);
}

// One member of each observation, as an array.
template <typename T>
Datum array_of_members(std::span<Observation *const> observations, T Observation::*member, Oid type) {
    const std::size_t size = ARR_OVERHEAD_NONULLS(1) + observations.size() * sizeof(T);
    auto *array = static_cast<ArrayType *>(palloc0(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->elemtype = type;
    *ARR_DIMS(array) = static_cast<int>(observations.size());
    *ARR_LBOUND(array) = 1;
    auto *out = reinterpret_cast<T *>(ARR_DATA_PTR(array));
    for (const Observation *o : observations)
        *out++ = o->*member;
    return PointerGetDatum(array);
}

KnownEvents events_of(const MessageChange &change) {
    KnownEvents events;
    for (const Observation *o : change.observations)
        add(events, number_of(o->fingerprint));
    return events;
}

void put_change(RowBuilder &row, const MessageChange &c, TimestampTz now) {
    row.put_text(c.message_id);
    row.put(array_of_members<std::int64_t>(c.observations, &Observation::fingerprint, INT8OID));
    row.put(array_of_members<std::int32_t>(c.observations, &Observation::digest, INT4OID));
    row.put(known_events_datum(events_of(c)));
    row.put_time(c.received_at);
    row.put(status_datum(c.status));
    const MessageFacts &f = c.facts;
    row.put_text(f.provider);
    row.put_text(f.direction);
    row.put_text(f.sender);
    row.put_text(f.recipient);
    row.put_text(f.message_type);
    row.put_text(f.content);
    row.put_text(f.media_url);
    if (c.error_at)
        row.put_time(*c.error_at);
    else
        row.put_null();
    put_error(row, c.error);
    row.put_pointer(f.price);
    row.put_text(f.price_unit);
    row.put_optional(f.num_segments);
    row.put_text(f.pricing_category);
    row.put_optional(f.billable);
    row.put_time(std::max(now, c.last_received_at));
    row.put_pointer(f.campaign_id);
    row.put_pointer(f.metadata);
    if (f.created_at)
        row.put_time(*f.created_at);
    else
        row.put_null();
}

struct Variant {
    std::uint32_t columns = 0;
    PreparedStatement merge;
    PreparedStatement look;
    PreparedStatement update;
    PreparedStatement insert;
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
        columns = all_message_columns;
        if (Variant *found = find_variant(columns))
            return *found;
    }
    const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
    const MessageStatements texts = message_statements(columns);
    MemoryContextSwitchTo(caller);
    Variant &added = variants[variant_count++];
    added = {columns, PreparedStatement(texts.merge), PreparedStatement(texts.look), PreparedStatement(texts.update),
             PreparedStatement(texts.insert)};
    return added;
}

// Takes over the rows that the merge wrote. They come back in the order in which they went in, and where a trigger of
// the user's wrote others instead, those are only counted.
Vector<WrittenMessage> take_written(std::span<MessageChange> changes) {
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

// Merges one change by itself. Looking first, by statements that are quick to set up, costs a first delivery no more
// than the check within the merge, and a redelivery no more than the look.
Vector<WrittenMessage> upsert_message(Variant &statements, MessageChange &change, TimestampTz now) {
    RowBuilder row;
    row.start();
    put_change(row, change, now);
    std::array<std::size_t, message_change_columns> places;
    std::array<Oid, message_change_columns> types;
    std::array<char, message_change_columns> nulls;
    for (std::size_t i = 0; i < places.size(); ++i) {
        places[i] = i;
        nulls[i] = row.nulls()[i] ? 'n' : ' ';
    }
    message_change_type.types_of(places, types);
    const std::span<const Datum> values{row.values(), places.size()};

    statements.look.execute(types, values, nulls.data());
    const bool is_there = SPI_processed > 0;
    if (is_there) {
        bool is_null = false;
        const bool changes = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
        SPI_freetuptable(SPI_tuptable);
        if (!changes && !is_null)
            return {};
        statements.update.execute(types, values, nulls.data());
        if (SPI_processed > 0)
            return take_written({&change, 1});
    }
    SPI_freetuptable(SPI_tuptable);
    statements.insert.execute(types, values, nulls.data());
    return take_written({&change, 1});
}

} // namespace

TableAccess::TableAccess() {
    const Installation installation = find_installation();
    if (SPI_connect() != SPI_OK_CONNECT)
        elog(ERROR, "SPI_connect failed");
    GetUserIdAndSecContext(&caller_, &caller_security_context_);
    SetUserIdAndSecContext(installation.owner, caller_security_context_ | SECURITY_LOCAL_USERID_CHANGE);
    verify_version(installation);
}

void TableAccess::close() {
    SetUserIdAndSecContext(caller_, caller_security_context_);
    SPI_finish();
}

void look_up_events(std::span<Observation *const> observations) {
    look_up_events_statement.execute(observation_type.array_oid(),
                                     observation_type.array_of(observations, put_observation));
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i) {
        bool is_null = false;
        const Datum same = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null);
        observations[i]->is_new = is_null;
        observations[i]->differs = !is_null && !DatumGetBool(same);
    }
    SPI_freetuptable(SPI_tuptable);
}

void insert_events(std::span<Observation *const> observations) {
    insert_events_statement.execute(observation_type.array_oid(),
                                    observation_type.array_of(observations, put_observation));
}

void correct_events(std::span<Observation *const> observations) {
    correct_events_statement.execute(observation_type.array_oid(),
                                     observation_type.array_of(observations, put_observation));
}

Vector<WrittenMessage> upsert_messages(std::span<MessageChange> changes) {
    std::uint32_t columns = 0;
    for (const MessageChange &change : changes)
        columns |= columns_of(change);
    Variant &statements = variant_for(columns);
    const TimestampTz now = GetCurrentTransactionStartTimestamp();
    if (changes.size() == 1)
        return upsert_message(statements, changes[0], now);
    const auto put = [now](RowBuilder &row, const MessageChange &change) { put_change(row, change, now); };
    statements.merge.execute(message_change_type.array_oid(), message_change_type.array_of(changes, put));
    return take_written(changes);
}

void look_up_kept_out(std::span<MessageChange> changes) {
    Vector<MessageChange *> left_out;
    for (MessageChange &change : changes)
        if (!change.written)
            left_out.push(&change);
    const TimestampTz now = GetCurrentTransactionStartTimestamp();
    const auto put = [now](RowBuilder &row, const MessageChange *change) { put_change(row, *change, now); };
    look_up_kept_out_statement.execute(message_change_type.array_oid(), message_change_type.array_of(left_out, put));
    for (std::size_t i = 0; i < left_out.size(); ++i) {
        bool is_null = false;
        left_out[i]->kept_out = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null));
    }
    SPI_freetuptable(SPI_tuptable);
}

void insert_rejections(std::span<const Rejection> rejections) {
    const auto put = [](RowBuilder &row, const Rejection &r) {
        row.put_time(r.received_at);
        row.put_text(r.source);
        row.put_text(r.provider);
        row.put_text(r.sender);
        row.put_text(r.reason);
        row.put_pointer(r.payload.to_document());
        row.put_null();
    };
    insert_rejections_statement.execute(rejection_type.array_oid(), rejection_type.array_of(rejections, put));
}

void insert_rejected_body(Text body, Text reason, EventTime received_at, Text source) {
    const auto put = [&](RowBuilder &row, Text text) {
        row.put_time(received_at);
        row.put_text(source);
        row.put_null();
        row.put_null();
        row.put_text(reason);
        row.put_null();
        row.put_pointer(text_of(text)); // even an empty body is one
    };
    insert_rejections_statement.execute(rejection_type.array_oid(),
                                        rejection_type.array_of(std::span<const Text>(&body, 1), put));
}

} // namespace msgstatus
