// Arguments that may be NULL.
#pragma once

#include "postgres/postgres.hpp"

namespace msgstatus {

// Returns argument n, counted from 0; an absent text for NULL.
inline Text text_argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? Text() : view_of(PG_GETARG_TEXT_PP(n));
}

// Returns argument n, counted from 0; nothing for NULL.
inline std::optional<TimestampTz> time_argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? std::nullopt : std::optional(PG_GETARG_TIMESTAMPTZ(n));
}

} // namespace msgstatus
