// A row of any query as jsonb.
#pragma once

#include "postgres/json.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tupdesc.h"
}

namespace msgstatus {

// row_document returns a palloc'd object with a member for each column of the row that is not null: numbers, booleans
// and documents as such, times as ISO 8601, everything else as its text. Unlike to_jsonb, it does not raise for a json
// with content that jsonb refuses: that is a text then, too.
Jsonb *row_document(HeapTuple row, TupleDesc description);

} // namespace msgstatus
