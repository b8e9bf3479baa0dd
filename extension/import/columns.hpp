// Maps the columns of an imported query to fields, by their names.
#pragma once

#include "observation/observation.hpp"

extern "C" {
#include "access/tupdesc.h"
}

namespace msgstatus {

enum class ImportField : std::uint8_t {
    message_id,
    status,     // a message_status, a timeline, or a state
    status_at,  // when the state of `status` was observed
    updated_at, // no later than when the state of `status` was known
    state_at,   // when a state was observed: sent_at, delivered_at, ...
    direction,
    sender,
    recipient,
    text, // any other text of MessageFacts or ErrorInfo
    error_code,
    campaign_id,
    metadata,
    created_at,
};

// The kind of type from which a value is read.
enum class ImportType : std::uint8_t {
    text,
    padded,
    label,
    status,
    state,
    jsonb,
    timestamptz,
    timestamp,
    integer,
    uuid,
    other
};

struct ImportColumn {
    int index = 0; // in the row
    ImportField field = ImportField::message_id;
    ImportType type = ImportType::text;
    Oid output = InvalidOid;               // the type's output function, for ImportType::other
    DeliveryState state{};                 // of state_at
    Text MessageFacts::*fact = nullptr;    // of text
    Text ErrorInfo::*error_text = nullptr; // of text
};

struct ImportColumns {
    Vector<ImportColumn> columns;
    // The names of the columns that the import ignores, as a list for a person; empty if there are none.
    const char *unused = "";
};

// Returns the field of each column. Raises undefined_column (42703) if message_id is missing or no column holds a
// state, ambiguous_column (42702) if two columns have the same field, and datatype_mismatch (42804) for a type that
// cannot hold the field.
ImportColumns read_import_columns(TupleDesc description);

// Return the value of a column as a text, a time or a number. A text points into the value or is palloc'd. An infinite
// time, or a text that is no time, is nothing.
Text text_in(const ImportColumn &column, Datum value);
std::optional<EventTime> time_in(const ImportColumn &column, Datum value);
std::optional<int> integer_in(const ImportColumn &column, Datum value);

} // namespace msgstatus
