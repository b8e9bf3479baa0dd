// Turns a row of an imported query into observations.
#pragma once

#include "import/columns.hpp"
#include "observation/batch.hpp"

extern "C" {
#include "access/htup_details.h"
}

namespace msgstatus {

// The values that are the same for all rows of an import.
struct ImportContext {
    EventTime received_at = 0;
    Text source;
    Text provider; // of rows without a provider
};

// Adds the observations of the row to the batch, as one status object, or rejects the row. Counts the row in the first
// counts of the batch. Content never raises.
void read_import_row(Batch &batch, const ImportColumns &columns, const ImportContext &context, HeapTuple row,
                     TupleDesc description);

} // namespace msgstatus
