#include "apply/move_message.hpp"

#include <new>

#include "message/known_events_datum.hpp"
#include "message/merge_sql.hpp"
#include "message/written_message.hpp"
#include "observation/fingerprint.hpp"
#include "postgres/prepared_statement.hpp"
#include "postgres/row_shape.hpp"
#include "trail/trail.hpp"
#include "types/delivery_state_datum.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
}

namespace msgstatus {
namespace {

PreparedStatement move_recipient_statement(R"(
UPDATE msgstatus.campaign_recipient AS r SET message_id = $2
WHERE r.message_id = $1
    AND NOT EXISTS (SELECT FROM msgstatus.campaign_recipient AS o WHERE o.message_id = $2)
    AND NOT EXISTS (SELECT FROM msgstatus.campaign_attempt AS o WHERE o.message_id = $2))");

PreparedStatement move_attempt_statement(R"(
UPDATE msgstatus.campaign_attempt AS a SET message_id = $2
WHERE a.message_id = $1
    AND NOT EXISTS (SELECT FROM msgstatus.campaign_recipient AS o WHERE o.message_id = $2)
    AND NOT EXISTS (SELECT FROM msgstatus.campaign_attempt AS o WHERE o.message_id = $2))");
PreparedStatement take_events_statement(R"(
DELETE FROM msgstatus.status_event AS e WHERE e.message_id = $1
RETURNING e.state, e.event_time, e.received_at, e.time_source, e.source, e.participant, e.error_code, e.error_title,
    e.error_details, e.detail, e.digest)");

constexpr std::array event_columns{
    ColumnShape{"state", InvalidOid, "delivery_state"},
    ColumnShape{"event_time", TIMESTAMPTZOID},
    ColumnShape{"received_at", TIMESTAMPTZOID},
    ColumnShape{"time_source", TEXTOID},
    ColumnShape{"source", TEXTOID},
    ColumnShape{"participant", TEXTOID},
    ColumnShape{"error_code", INT4OID},
    ColumnShape{"error_title", TEXTOID},
    ColumnShape{"error_details", TEXTOID},
    ColumnShape{"detail", JSONBOID},
    ColumnShape{"digest", INT4OID},
};

const char *read_text() {
    StringInfoData sql;
    initStringInfo(&sql);
    appendStringInfoString(&sql, "SELECT ");
    append_written_columns(&sql);
    appendStringInfoString(&sql, " FROM msgstatus.message AS m WHERE m.message_id = $1");
    return sql.data;
}

// Made when they are first needed, and kept for the backend's life.
struct Statements {
    PreparedStatement read;
    PreparedStatement unite;
    PreparedStatement rename;
};
std::optional<Statements> made_statements;

Statements &statements() {
    if (!made_statements) {
        const MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
        const Statements made{PreparedStatement(read_text()), PreparedStatement(unite_text()),
                              PreparedStatement(rename_text())};
        MemoryContextSwitchTo(caller);
        made_statements.emplace(made);
    }
    return *made_statements;
}

Vector<Observation> take_events(Text from, Text to) {
    const Oid type = TEXTOID;
    const Datum id = PointerGetDatum(text_of(from));
    take_events_statement.execute({&type, 1}, {&id, 1});
    check_result(event_columns);
    Vector<Observation> events;
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i) {
        std::array<Datum, event_columns.size()> values;
        std::array<bool, event_columns.size()> nulls;
        heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values.data(), nulls.data());
        const auto text_at = [&](std::size_t n) { return nulls[n] ? Text() : view_of(DatumGetTextPP(values[n])); };
        Observation o;
        o.message_id = to;
        o.state = state_of_datum(values[0]);
        o.event_time = DatumGetTimestampTz(values[1]);
        o.received_at = DatumGetTimestampTz(values[2]);
        o.time_of_receipt = text_at(3) == "receipt";
        o.source = text_at(4);
        o.participant = text_at(5);
        if (!nulls[6])
            o.error.code = DatumGetInt32(values[6]);
        o.error.title = text_at(7);
        o.error.details = text_at(8);
        if (!nulls[9])
            o.detail = DatumGetJsonbP(values[9]);
        o.digest = DatumGetInt32(values[10]);
        o.fingerprint = fingerprint_of(o);
        events.push(o);
    }
    return events;
}

Datum known_events_of(const Vector<Observation> &events) {
    KnownEvents known;
    for (const Observation &o : events)
        add(known, number_of(o.fingerprint));
    return known_events_datum(known);
}

void add_events(Vector<Observation> &events) {
    Vector<Observation *> all;
    for (Observation &o : events)
        all.push(&o);
    if (all.empty())
        return;
    look_up_events({all.begin(), all.size()});
    write_events({all.begin(), all.size()});
}

// Returns the row that the last statement read or wrote, in memory that lives until the rollups are written; nothing if
// there is none.
const WrittenMessage *row_of_result() {
    check_result(written_shape);
    if (SPI_processed == 0)
        return nullptr;
    std::array<Datum, written_column_count> values;
    std::array<bool, written_column_count> nulls;
    heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values.data(), nulls.data());
    return new (palloc(sizeof(WrittenMessage))) WrittenMessage(written_message(values.data(), nulls.data()));
}

} // namespace

// What is counted of a message does not depend on its id.
void move_message(Text from, Text to, RollupChanges &rollups) {
    Vector<Observation> events = take_events(from, to);
    const std::array<Oid, 3> types{TEXTOID, TEXTOID, BYTEAOID};
    const std::array<Datum, 3> values{PointerGetDatum(text_of(from)), PointerGetDatum(text_of(to)),
                                      known_events_of(events)};
    statements().rename.execute(types, values);
    if (SPI_processed == 0) {
        statements().read.execute({types.data(), 1}, {values.data(), 1});
        const WrittenMessage *before = row_of_result();
        statements().unite.execute(types, values);
        const WrittenMessage *after = row_of_result();
        // A part of the message would be lost, or its events would be those of a message that lacks them.
        if (before == nullptr || after == nullptr)
            ereport(ERROR,
                    (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                     errmsg("a trigger keeps message \"%.*s\" from becoming part of \"%.*s\"",
                            static_cast<int>(from.size()), from.data(), static_cast<int>(to.size()), to.data())));
        rollups.remove(before->after);
        rollups.add(*after);
    }
    add_events(events);
}

void move_sends(Text from, Text to) {
    const std::array<Oid, 2> types{TEXTOID, TEXTOID};
    const std::array<Datum, 2> ids{PointerGetDatum(text_of(from)), PointerGetDatum(text_of(to))};
    move_recipient_statement.execute(types, ids);
    move_attempt_statement.execute(types, ids);
}

} // namespace msgstatus
