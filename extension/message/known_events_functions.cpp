// The column `known_events` of `message`.
#include "message/known_events_datum.hpp"

using namespace msgstatus;

namespace {

KnownEvents argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? KnownEvents{} : known_events_of_datum(PG_GETARG_DATUM(n));
}

} // namespace

MSGSTATUS_FUNCTION(known_events_merge) {
    return known_events_datum(unite(argument(fcinfo, 0), argument(fcinfo, 1)));
}

MSGSTATUS_FUNCTION(known_events_hold) {
    PG_RETURN_BOOL(holds(argument(fcinfo, 0), argument(fcinfo, 1)));
}
