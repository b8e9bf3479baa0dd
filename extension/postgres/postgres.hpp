// Includes PostgreSQL's headers for all rooms, and hides the differences between its versions.
//
// Rules: ereport() leaves by longjmp, which runs no destructor, and nothing here may throw. So locals that live across
// a call into PostgreSQL are trivially destructible, memory is palloc'd, and no allocating container of the standard
// library is used. The build has neither exceptions nor RTTI.
#pragma once

// Standard headers come first, because PostgreSQL's headers define macros that would change them.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
}

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "msgstatus builds against PostgreSQL 15 to 18"
#endif

// Since PostgreSQL 16, a caller can catch an error in the text of a value (pg_input_is_valid, COPY ON_ERROR).
#if PG_VERSION_NUM >= 160000
#define MSGSTATUS_INPUT_ERROR(fcinfo, ...) ereturn((fcinfo)->context, static_cast<Datum>(0), __VA_ARGS__)
#else
#define MSGSTATUS_INPUT_ERROR(fcinfo, ...) ereport(ERROR, __VA_ARGS__)
#endif

// Before PostgreSQL 16, PGDLLEXPORT is empty outside Windows, and the library hides symbols that are not marked.
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

// Defines a function that SQL can call. The shared object hides every other symbol.
#define MSGSTATUS_FUNCTION(name)                                                                                       \
    extern "C" {                                                                                                       \
    PGDLLEXPORT Datum name(FunctionCallInfo fcinfo);                                                                   \
    PG_FUNCTION_INFO_V1(name);                                                                                         \
    }                                                                                                                  \
    extern "C" PGDLLEXPORT Datum name(FunctionCallInfo fcinfo)

namespace msgstatus {

// An absent text has no data; an empty one is treated as absent throughout.
using Text = std::string_view;

static_assert(sizeof(TimestampTz) == sizeof(std::int64_t));

// Returns the bytes of a detoasted, packed text.
inline std::string_view view_of(const text *t) {
    return {VARDATA_ANY(t), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(t))};
}

// Returns how many bytes of a text, in the database's encoding, an error message shows: at most 64, and only whole
// characters.
inline int shown(std::string_view text) {
    return pg_mbcliplen(text.data(), static_cast<int>(text.size()), 64);
}

// Returns a palloc'd text with the bytes.
inline text *text_of(std::string_view view) {
    return cstring_to_text_with_len(view.data(), static_cast<int>(view.size()));
}

} // namespace msgstatus
