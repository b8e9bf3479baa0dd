// Reads the columns that the trigger keep_status_order guards from its arguments.
#pragma once

#include "core/delivery_state.hpp"
#include "postgres/vector.hpp"

extern "C" {
#include "commands/trigger.h"
}

namespace msgstatus {

enum class ColumnKind : std::uint8_t {
    status, // message_status
    state,  // delivery_state
    text,   // text, varchar, or a type with the same storage (citext)
    padded, // char(n)
    label,  // an enum
    number, // smallint, integer, bigint
    time,   // timestamptz, timestamp, date: when a state was reached
    flag,   // boolean: whether a state was reached
};

// A label that a table uses for a state.
struct OwnLabel {
    std::string_view label;
    DeliveryState state;
};

struct GuardedColumn {
    AttrNumber number = 0;
    ColumnKind kind = ColumnKind::text;
    // The type of the column, which may be a domain.
    Oid type = InvalidOid;
    bool is_domain = false;
    std::int16_t length = 0;
    bool by_value = false;
    Vector<OwnLabel> labels;
};

// Returns the columns that the arguments of the trigger name: each argument is "column" or
// "column=state:label,state:label,...". The result is allocated in the current memory context. Raises
// invalid_parameter_value (22023) if there is no argument or a label is invalid, undefined_column (42703),
// generated_always (428C9) for a generated column, and datatype_mismatch (42804) for a type that cannot hold a state.
Vector<GuardedColumn> read_guarded_columns(Relation table, const Trigger &declared);

// Returns the state that a value of the column means; nothing if it means none. For columns that
// hold a state: text, an enum, a number, delivery_state.
std::optional<DeliveryState> state_in(const GuardedColumn &column, Datum value);

} // namespace msgstatus
