// From observations to tables: sorted, repetitions joined, merged by message.
#pragma once

#include "observation/batch.hpp"
#include "rollup/rollup_changes.hpp"

namespace msgstatus {

// Writes what was read out of the webhooks of one call, and completes its counts. Why two calls never
// deadlock, and why nothing is lost at READ COMMITTED: see README.md of this room ("Locks"). Raises what
// TableAccess raises (install/table_access.hpp), and what the tables raise: constraints and triggers of the user's, for
// example.
void apply_batch(Batch &batch);

// What the batches of an import share.
struct BatchSeries {
    // What changes of the rollups; the caller's to write.
    RollupChanges rollups;
    // Were most messages of the last batch new? Then those of the next will be.
    bool mostly_new = false;
};

// The same for one of many batches of observations that were all received at the start of the transaction.
void apply_batch(Batch &batch, BatchSeries &series);

} // namespace msgstatus
