// From observations to tables: sorted, repetitions joined, merged by message.
#pragma once

#include "pg/observation.hpp"
#include "pg/rollups.hpp"

namespace msgstatus {

// apply_batch writes what was read out of the webhooks of one call, and completes its counts. Why two calls never
// deadlock, and why nothing is lost at READ COMMITTED, is told in docs/design.md ("Concurrency"). Raises what
// TableAccess raises (tables.hpp), and what the tables raise: constraints and triggers of the user's, for example.
void apply_batch(Batch &batch);

// The same, but for the rollups: what changes of them is added to `rollups`, and is the caller's to write.
void apply_batch(Batch &batch, RollupChanges &rollups);

} // namespace msgstatus
