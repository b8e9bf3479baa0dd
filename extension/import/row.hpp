// From a row of an imported query to observations.
#pragma once

#include "import/columns.hpp"
#include "observation/batch.hpp"

extern "C" {
#include "access/htup_details.h"
}

namespace msgstatus {

// What is the same for all rows of an import.
struct ImportContext {
    EventTime received_at = 0;
    Text source;
    Text provider; // of rows that name none
};

// read_import_row adds what the row observed to the batch, as one status object, or the row itself to what could not be
// used. It counts the row in the batch's first counts. Content never raises.
void read_import_row(Batch &batch, const ImportColumns &columns, const ImportContext &context, HeapTuple row,
                     TupleDesc description);

} // namespace msgstatus
