#include "message/merge_facts.hpp"

#include <tuple>

#include "message/change_columns.hpp"

namespace msgstatus {
namespace {

// The order of the columns of Merge::error. No code sorts before any, Meta's 0 among them.
bool error_precedes(EventTime time, const ErrorInfo &error, EventTime other_time, const ErrorInfo &other) {
    return std::tie(time, error.code, error.title, error.details) <
           std::tie(other_time, other.code, other.title, other.details);
}

} // namespace

void merge_observation(MessageChange &change, const Observation &o) {
    observe(change.status, o.state, o.event_time);
    for (const ChangeColumn &column : change_columns)
        if (column.merge_fact != nullptr)
            column.merge_fact(change.facts, o.facts);
    if (is_failure(o.state) && o.error.any() &&
        (!change.error_at || error_precedes(o.event_time, o.error, *change.error_at, change.error))) {
        change.error_at = o.event_time;
        change.error = o.error;
    }
}

} // namespace msgstatus
