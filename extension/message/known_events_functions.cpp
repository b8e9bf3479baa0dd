// The column `known_events` of `message`.
#include "message/known_events_datum.hpp"

using namespace msgstatus;

namespace {

KnownEvents argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? KnownEvents{} : known_events_of_datum(PG_GETARG_DATUM(n));
}

} // namespace

// Returns the events of both arguments, or of more than sixteen those with the smallest numbers. NULL is the empty set;
// of bytes that are no set of events it takes what it can.
MSGSTATUS_FUNCTION(known_events_merge) {
    return known_events_datum(unite(argument(fcinfo, 0), argument(fcinfo, 1)));
}

// Returns whether the first argument has every event of the second. NULL and damage are as in known_events_merge; false
// says nothing where the first is full, with sixteen.
MSGSTATUS_FUNCTION(known_events_hold) {
    PG_RETURN_BOOL(holds(argument(fcinfo, 0), argument(fcinfo, 1)));
}
