// What the columns of an imported query say, by their names.
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

// How a value is read.
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
    // A list of the names of those that say nothing here, for a person; empty where there are none.
    const char *unused = "";
};

// read_import_columns tells what each column says. Raises undefined_column (42703) where message_id is missing or
// nothing speaks of a state, ambiguous_column (42702) where two columns say the same, and datatype_mismatch (42804) for
// a type that cannot say it.
ImportColumns read_import_columns(TupleDesc description);

// text_in, time_in and code_in read a value of the column. A text points into the value or is palloc'd. A time is that
// of the clock's calendar: an infinite one, or a text that is none, is nothing.
Text text_in(const ImportColumn &column, Datum value);
std::optional<EventTime> time_in(const ImportColumn &column, Datum value);
std::optional<int> integer_in(const ImportColumn &column, Datum value);

} // namespace msgstatus
