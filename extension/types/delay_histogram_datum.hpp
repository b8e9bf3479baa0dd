// Converts a delay_histogram from and to a Datum.
#pragma once

#include "core/delay_histogram.hpp"
#include "postgres/postgres.hpp"

namespace msgstatus {

// Returns a palloc'd value; a short value gets the short header with which a row stores it.
Datum histogram_datum(const DelayHistogram &histogram);

// Reads a value. Raises data_corrupted (XX001) for invalid bytes, which only a damaged table holds.
void read_histogram(Datum datum, DelayHistogram &histogram);

} // namespace msgstatus
