#include "webhook/context.hpp"

#include "observation/validation.hpp"

extern "C" {
#include "access/xact.h"
}

namespace msgstatus {

Context context_of(std::optional<TimestampTz> received_at, Text source) {
    Context context;
    context.received_at = received_at.value_or(GetCurrentTransactionStartTimestamp());
    if (!is_valid_time(context.received_at))
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("received_at is out of range"),
                        errdetail("Times lie between the years 1 and 9999.")));
    if (source.size() > max_label_size)
        ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
                        errmsg("source is longer than %zu bytes", max_label_size)));
    context.source = source;
    return context;
}

Observation new_observation(const Context &context) {
    Observation observation;
    observation.received_at = context.received_at;
    observation.source = context.source;
    observation.facts.provider = context.provider;
    return observation;
}

} // namespace msgstatus
