#include "dead_letter/rejections.hpp"

#include "postgres/composite_type.hpp"
#include "postgres/prepared_statement.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

namespace msgstatus {
namespace {

constexpr std::array rejection_columns{
    ColumnShape{"received_at", TIMESTAMPTZOID},
    ColumnShape{"source", TEXTOID},
    ColumnShape{"provider", TEXTOID},
    ColumnShape{"sender", TEXTOID},
    ColumnShape{"reason", TEXTOID},
    ColumnShape{"payload", JSONBOID},
    ColumnShape{"body", TEXTOID},
};
CompositeType rejection_type("rejection", rejection_columns);

PreparedStatement insert_rejections_statement(R"(
INSERT INTO msgstatus.rejected_status (received_at, source, provider, sender, reason, payload, body)
SELECT r.received_at, r.source, r.provider, r.sender, r.reason, r.payload, r.body
FROM pg_catalog.unnest($1) AS r)");

} // namespace

Rejection rejection_of(const StatusObject &object, const Observation &o, const char *reason) {
    Rejection rejection;
    rejection.received_at = o.received_at;
    rejection.source = o.source;
    rejection.provider = object.provider;
    rejection.sender = object.business_address;
    rejection.reason = reason;
    rejection.payload = object.payload;
    rejection.webhook = object.webhook;
    return rejection;
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
