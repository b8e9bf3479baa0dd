// What a write to a row of `message` returns: what the rollups count of it, as it was and as it is.
#pragma once

#include "core/last_change.hpp"
#include "observation/observation.hpp"
#include "postgres/row_shape.hpp"

namespace msgstatus {

// What the rollups count of a message.
struct Counted {
    Status status;
    Text provider;
    Text sender;
    Text recipient;
    Text message_type;
    Text direction;
    const pg_uuid_t *campaign_id = nullptr;
    std::optional<int> error_code;
};

struct WrittenMessage {
    Text message_id;
    std::uint32_t last_change = 0;
    bool replaced = false;
    EventTime created_at = 0;
    bool is_inserted() const { return (last_change & last_change_inserted) != 0; }
    StateSet added_states() const { return static_cast<StateSet>(last_change); }
    Counted before; // of no meaning where the row was inserted
    Counted after;
};

// The columns that written_message reads, in their order, of the table or alias `m`.
inline constexpr const char *written_columns =
    "m.message_id, m.last_change, m.replaced, m.created_at, m.status, m.provider, m.sender, m.recipient, "
    "m.message_type, m.direction, m.campaign_id, m.error_code";
inline constexpr int written_column_count = 12;

// The types that it reads them by.
inline constexpr std::array<ColumnShape, written_column_count> written_shape{{
    {"message_id", TEXTOID},
    {"last_change", INT4OID},
    {"replaced", TEXTARRAYOID},
    {"created_at", TIMESTAMPTZOID},
    {"status", InvalidOid, "message_status"},
    {"provider", TEXTOID},
    {"sender", TEXTOID},
    {"recipient", TEXTOID},
    {"message_type", TEXTOID},
    {"direction", TEXTOID},
    {"campaign_id", UUIDOID},
    {"error_code", INT4OID},
}};

// What the column `replaced` holds of row `m`: everything that may have changed, as texts.
inline constexpr const char *replaced_value =
    "ARRAY[m.status::text, m.provider, m.sender, m.recipient, m.message_type, m.direction, m.campaign_id::text, "
    "m.error_code::text]";

// written_message reads a row of these columns. Texts point into the values.
WrittenMessage written_message(const Datum *values, const bool *nulls);

} // namespace msgstatus
