// The columns that the trigger keep_status_order guards, as its arguments name them.
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
    text,   // text, varchar, or what is stored alike (citext)
    padded, // char(n)
    label,  // an enum
};

// What a table calls a state.
struct OwnLabel {
    std::string_view label;
    DeliveryState state;
};

struct GuardedColumn {
    AttrNumber number = 0;
    ColumnKind kind = ColumnKind::text;
    // The column's type, which may be a domain.
    Oid type = InvalidOid;
    bool is_domain = false;
    std::int16_t length = 0;
    bool by_value = false;
    Vector<OwnLabel> labels;
};

// read_guarded_columns reads the arguments of the trigger: each "column", or "column=state:label,state:label,...". What
// it returns is allocated in the current memory context. Raises invalid_parameter_value (22023) where there is no
// argument or a label cannot be read, undefined_column (42703), generated_always (428C9) for a generated column, and
// datatype_mismatch (42804) for a type that holds no state.
Vector<GuardedColumn> read_guarded_columns(Relation table, const Trigger &declared);

// state_in returns the state that a value of the column names; nothing where it names none. Not for ColumnKind::status.
std::optional<DeliveryState> state_in(const GuardedColumn &column, Datum value);

} // namespace msgstatus
