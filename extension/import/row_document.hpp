// Turns a row of any query into jsonb.
#pragma once

#include "postgres/json.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tupdesc.h"
}

namespace msgstatus {

// Returns a palloc'd object with a member for each column that is not null: numbers, booleans and documents as such,
// times as ISO 8601, other values as text. Unlike to_jsonb, does not raise for a json value with content that jsonb
// refuses: such a value becomes a text.
Jsonb *row_document(HeapTuple row, TupleDesc description);

} // namespace msgstatus
