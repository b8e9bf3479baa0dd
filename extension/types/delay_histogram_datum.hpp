// How a delay_histogram travels in a Datum.
#pragma once

#include "core/delay_histogram.hpp"
#include "postgres/postgres.hpp"

namespace msgstatus {

// histogram_datum returns a palloc'd value, with the short header that a row stores where it is short enough.
Datum histogram_datum(const DelayHistogram &histogram);

// read_histogram reads a value; raises data_corrupted (XX001) for bytes that are no histogram, which only a damaged
// table can hold.
void read_histogram(Datum datum, DelayHistogram &histogram);

} // namespace msgstatus
