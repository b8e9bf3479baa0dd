#include "trail/trail.hpp"

#include "install/installation.hpp"
#include "observation/error_columns.hpp"
#include "postgres/composite_type.hpp"
#include "postgres/deferred_triggers.hpp"
#include "postgres/row_parameters.hpp"
#include "types/delivery_state_datum.hpp"

// The statements name every function, operator and type by its schema or rely on the search_path that the calling
// function pins. They are written for a table that is distributed one day (docs/design.md): every key contains
// message_id, times come through the row, and nothing in DO UPDATE is volatile.

namespace msgstatus {
namespace {

constexpr std::array observation_columns{
    ColumnShape{"message_id", TEXTOID},
    ColumnShape{"fingerprint", INT8OID},
    ColumnShape{"digest", INT4OID},
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
};
CompositeType observation_type("observation", observation_columns);

// What the trail says of each observation, in their order: nothing, the same, or something else.
PreparedStatement look_up_events_statement(R"(
SELECT (SELECT e.digest = o.digest AND e.received_at <= o.received_at FROM msgstatus.status_event AS e
    WHERE e.message_id = o.message_id AND e.fingerprint = o.fingerprint LIMIT 1)
FROM pg_catalog.unnest($1) AS o)");

PreparedStatement insert_event_statement(R"(
INSERT INTO msgstatus.status_event (message_id, fingerprint, digest, state, event_time, received_at, time_source, source,
    participant, error_code, error_title, error_details, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13))");

PreparedStatement insert_events_statement(R"(
INSERT INTO msgstatus.status_event (message_id, fingerprint, digest, state, event_time, received_at, time_source, source,
    participant, error_code, error_title, error_details, detail)
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

} // namespace

void look_up_events(std::span<Observation *const> observations) {
    look_up_events_statement.execute(observation_type.array_oid(),
                                     observation_type.array_of(observations, put_observation));
    check_result_of(observations.size(), std::array{ColumnShape{"same", BOOLOID}});
    for (std::uint64_t i = 0; i < SPI_tuptable->numvals; ++i) {
        bool is_null = false;
        const Datum same = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null);
        observations[i]->is_new = is_null;
        observations[i]->differs = !is_null && !DatumGetBool(same);
    }
    SPI_freetuptable(SPI_tuptable);
}

namespace {

void insert_events(std::span<Observation *const> observations) {
    if (observations.size() == 1) {
        RowBuilder row;
        row.start();
        put_observation(row, observations[0]);
        return RowParameters(observation_type, row).execute(insert_event_statement);
    }
    insert_events_statement.execute(observation_type.array_oid(),
                                    observation_type.array_of(observations, put_observation));
}

// Lets an earlier receipt of a known observation take the place of a later one, ties broken by value.
// Without it, the trail would depend on the order of the calls.
void correct_events(std::span<Observation *const> observations) {
    correct_events_statement.execute(observation_type.array_oid(),
                                     observation_type.array_of(observations, put_observation));
}

} // namespace

void write_events(std::span<Observation *const> observations) {
    Vector<Observation *> added;
    Vector<Observation *> differing;
    for (Observation *o : observations)
        if (o->is_new)
            added.push(o);
        else if (o->differs)
            differing.push(o);
    if (!added.empty())
        insert_events({added.begin(), added.size()});
    if (!differing.empty())
        correct_events({differing.begin(), differing.size()});
}

} // namespace msgstatus
