#include "pg/tables.hpp"

#include "pg/composite.hpp"
#include "pg/delivery_state_datum.hpp"
#include "pg/installation.hpp"
#include "pg/message_status_datum.hpp"
#include "pg/prepared.hpp"

extern "C" {
#include "access/xact.h"
#include "miscadmin.h"
}

// The statements name every function, operator and type by its schema or rely on the search_path that the calling
// function pins. They are written for a table that is distributed one day (docs/design.md): every key contains
// message_id, times come through the row, and nothing in DO UPDATE is volatile.

namespace msgstatus {
namespace {

CompositeType observation_type("observation");
CompositeType message_change_type("message_change");
CompositeType rejection_type("rejection");

PreparedStatement insert_events_statement(R"(
INSERT INTO msgstatus.status_event AS e (message_id, fingerprint, state, event_time, received_at, time_source, source,
    participant, error_code, error_title, error_details, detail)
SELECT o.message_id, o.fingerprint, o.state, o.event_time, o.received_at, o.time_source, o.source,
    o.participant, o.error_code, o.error_title, o.error_details, o.detail
FROM pg_catalog.unnest($1) AS o
ON CONFLICT (message_id, fingerprint) DO NOTHING
RETURNING e.fingerprint)");

// A total order over everything that a repetition of an observation may say otherwise: the earliest receipt wins, then
// the richer detail, then the smaller texts. The winner is the same in whatever order they come.
PreparedStatement correct_events_statement(R"(
UPDATE msgstatus.status_event AS e
SET event_time = o.event_time, received_at = o.received_at, time_source = o.time_source, source = o.source,
    error_title = o.error_title, error_details = o.error_details, detail = o.detail
FROM pg_catalog.unnest($1) AS o
WHERE e.message_id = o.message_id AND e.fingerprint = o.fingerprint
    AND (o.received_at < e.received_at
        OR o.received_at = e.received_at
        AND (COALESCE(e.detail, '{}'), COALESCE(o.error_title, ''), COALESCE(o.error_details, ''), COALESCE(o.source, ''))
            < (COALESCE(o.detail, '{}'), COALESCE(e.error_title, ''), COALESCE(e.error_details, ''), COALESCE(e.source, '')))
)");

// Conditions on a row `m` of message and a row `x` that is to be merged into it. A fact that register_message gave is
// not changed by a webhook; among webhooks the smaller value stays, for no other reason than that it is the same in
// every order.
#define REGISTERED(m, bit) "(" m ".registered & " bit ") <> 0"
#define IS_SMALLER(m, x, column)                                                                                       \
    x "." column " IS NOT NULL AND (" m "." column " IS NULL OR " x "." column " < " m "." column ")"
#define IS_LARGER(m, x, column)                                                                                        \
    x "." column " IS NOT NULL AND (" m "." column " IS NULL OR " x "." column " > " m "." column ")"
#define FACT_CHANGES(m, x, column, bit) "(" IS_SMALLER(m, x, column) ") AND (" REGISTERED(m, bit) ") IS NOT TRUE"
#define ERROR_KEY(r)                                                                                                   \
    "(" r ".error_at, COALESCE(" r ".error_code, 0), COALESCE(" r ".error_title, ''), COALESCE(" r                     \
    ".error_details, ''))"
#define ERROR_CHANGES(m, x)                                                                                            \
    x ".error_at IS NOT NULL AND (" m ".error_at IS NULL OR " ERROR_KEY(x) " < " ERROR_KEY(m) ")"
#define CHANGES(m, x)                                                                                                                                                                                                                           \
    "NOT " x ".status OPERATOR(msgstatus.<@) " m ".status"                                                                                                                                                                                      \
    " OR " FACT_CHANGES(m, x, "provider", "1") " OR " FACT_CHANGES(m, x, "direction", "2") " OR " FACT_CHANGES(m, x, "sender", "4") " OR " FACT_CHANGES(m, x, "recipient", "8") " OR " FACT_CHANGES(                                            \
        m, x, "message_type",                                                                                                                                                                                                                   \
        "16") " OR " FACT_CHANGES(m, x, "content",                                                                                                                                                                                              \
                                  "32") " OR " FACT_CHANGES(m, x, "media_url",                                                                                                                                                                  \
                                                            "64") " OR " IS_SMALLER(m, x,                                                                                                                                                       \
                                                                                    "price") " OR " IS_SMALLER(m, x,                                                                                                                            \
                                                                                                               "price"                                                                                                                          \
                                                                                                               "_uni"                                                                                                                           \
                                                                                                               "t") " OR " IS_LARGER(m,                                                                                                         \
                                                                                                                                     x,                                                                                                         \
                                                                                                                                     "num_segments") " OR " IS_SMALLER(m,                                                                       \
                                                                                                                                                                       x,                                                                       \
                                                                                                                                                                       "pricing_category") " OR " IS_LARGER(m,                                  \
                                                                                                                                                                                                            x,                                  \
                                                                                                                                                                                                            "billable") " OR " ERROR_CHANGES(m, \
                                                                                                                                                                                                                                             x)
#define MERGED_FACT(column, bit)                                                                                       \
    column " = CASE WHEN " REGISTERED("m", bit) " THEN m." column " ELSE LEAST(m." column ", excluded." column ") END"
#define MERGED_ERROR(column)                                                                                           \
    column " = CASE WHEN " ERROR_CHANGES("m", "excluded") " THEN excluded." column " ELSE m." column " END"

PreparedStatement upsert_messages_statement(
    "INSERT INTO msgstatus.message AS m (message_id, status, provider, direction, sender, recipient, message_type, "
    "content,"
    " media_url, error_at, error_code, error_title, error_details, price, price_unit, num_segments, pricing_category,"
    " billable, created_at, updated_at) "
    "SELECT c.message_id, c.status, c.provider, c.direction, c.sender, c.recipient, c.message_type, c.content,"
    " c.media_url, c.error_at, c.error_code, c.error_title, c.error_details, c.price, c.price_unit, c.num_segments,"
    " c.pricing_category, c.billable, c.changed_at, c.changed_at "
    "FROM pg_catalog.unnest($1) AS c "
    // A redelivery is looked up first: ON CONFLICT would lock the row, and so write, even where nothing changes. A
    // stale answer does no harm, because a row that held an observation once always will.
    "WHERE c.has_new_observation"
    " OR (SELECT " CHANGES(
        "k",
        "c") " FROM msgstatus.message AS k WHERE k.message_id = c.message_id) IS NOT FALSE "
             "ON CONFLICT (message_id) DO UPDATE SET"
             " status = m.status OPERATOR(msgstatus.||) excluded.status, " MERGED_FACT(
                 "provider",
                 "1") ", " MERGED_FACT("direction",
                                       "2") ", " MERGED_FACT("sender", "4") ", " MERGED_FACT("recipient",
                                                                                             "8") ", " MERGED_FACT("mes"
                                                                                                                   "sag"
                                                                                                                   "e_"
                                                                                                                   "typ"
                                                                                                                   "e",
                                                                                                                   "16") ", " MERGED_FACT("content", "32") ", " MERGED_FACT("media_url", "64") ", " MERGED_ERROR("error_at") ", " MERGED_ERROR("error_code") ", " MERGED_ERROR("error_title") ", " MERGED_ERROR("error_details") ", "
                                                                                                                                                                                                                                                                                                                                 "price = LEAST(m.price, excluded.price), "
                                                                                                                                                                                                                                                                                                                                 "price_unit = LEAST(m.price_unit, excluded.price_unit), "
                                                                                                                                                                                                                                                                                                                                 "num_segments = GREATEST(m.num_segments, excluded.num_segments), "
                                                                                                                                                                                                                                                                                                                                 "pricing_category = LEAST(m.pricing_category, excluded.pricing_category), "
                                                                                                                                                                                                                                                                                                                                 "billable = GREATEST(m.billable, excluded.billable), "
                                                                                                                                                                                                                                                                                                                                 "updated_at = excluded.updated_at "
                                                                                                                                                                                                                                                                                                                                 "WHERE " CHANGES(
                                                                                                                                                                                                                                                                                                                                     "m",
                                                                                                                                                                                                                                                                                                                                     "excluded") " "
                                                                                                                                                                                                                                                                                                                                                 "RETURNING m.message_id");

PreparedStatement insert_rejections_statement(R"(
INSERT INTO msgstatus.rejected_status (received_at, source, provider, sender, reason, payload, body)
SELECT r.received_at, r.source, r.provider, r.sender, r.reason, r.payload, r.body
FROM pg_catalog.unnest($1) AS r)");

void put_error(RowBuilder &row, const ErrorInfo &error) {
    row.put_optional(error.code);
    row.put_text(error.title);
    row.put_text(error.details);
}

void put_observation(RowBuilder &row, const Observation &o) {
    row.put_text(o.message_id);
    row.put(Int64GetDatum(o.fingerprint));
    row.put(state_datum(o.state));
    row.put_time(o.event_time);
    row.put_time(o.received_at);
    row.put_text(o.time_of_receipt ? "receipt" : "provider");
    row.put_text(o.source);
    row.put_text(o.participant);
    put_error(row, o.error);
    row.put_pointer(o.detail);
}

void put_change(RowBuilder &row, const MessageChange &c, TimestampTz now) {
    row.put_text(c.message_id);
    row.put(BoolGetDatum(c.has_new_observation));
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
    row.put_time(now);
}

// Sets is_new on the observations whose fingerprints the statement returned. Rows come back in the order in which they
// went in; where they do not, the search starts anew.
void mark_returned(std::span<Observation> observations) {
    std::size_t next = 0;
    for (std::uint64_t row = 0; row < SPI_tuptable->numvals; ++row) {
        bool is_null = false;
        const auto fingerprint =
            DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &is_null));
        for (std::size_t looked = 0; looked < observations.size(); ++looked) {
            Observation &candidate = observations[next];
            next = next + 1 == observations.size() ? 0 : next + 1;
            if (candidate.fingerprint == fingerprint) {
                candidate.is_new = true;
                break;
            }
        }
    }
    SPI_freetuptable(SPI_tuptable);
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

void insert_events(std::span<Observation> observations) {
    insert_events_statement.execute(observation_type.array_oid(),
                                    observation_type.array_of(observations, put_observation));
    mark_returned(observations);
}

void correct_events(std::span<Observation *const> observations) {
    const auto put = [](RowBuilder &row, const Observation *o) { put_observation(row, *o); };
    correct_events_statement.execute(observation_type.array_oid(), observation_type.array_of(observations, put));
}

void upsert_messages(std::span<const MessageChange> changes, Vector<Text> &changed) {
    const TimestampTz now = GetCurrentTransactionStartTimestamp();
    const auto put = [now](RowBuilder &row, const MessageChange &change) { put_change(row, change, now); };
    upsert_messages_statement.execute(message_change_type.array_oid(), message_change_type.array_of(changes, put));
    for (std::uint64_t row = 0; row < SPI_tuptable->numvals; ++row) {
        bool is_null = false;
        const Datum id = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &is_null);
        changed.push(view_of(DatumGetTextPP(id)));
    }
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
        row.put_text(text);
    };
    insert_rejections_statement.execute(rejection_type.array_oid(),
                                        rejection_type.array_of(std::span<const Text>(&body, 1), put));
}

} // namespace msgstatus
