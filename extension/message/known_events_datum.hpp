// How known events travel in a Datum: as bytea.
#pragma once

#include <cstring>

#include "core/known_events.hpp"
#include "postgres/postgres.hpp"

namespace msgstatus {

// Returns a palloc'd value with the short header that a row stores.
inline Datum known_events_datum(const KnownEvents &events) {
    const std::size_t size = VARHDRSZ_SHORT + events.count * sizeof(std::uint32_t);
    static_assert(VARHDRSZ_SHORT + max_known_events * sizeof(std::uint32_t) <= VARATT_SHORT_MAX);
    auto *value = static_cast<char *>(palloc(size));
    SET_VARSIZE_SHORT(value, size);
    std::memcpy(value + VARHDRSZ_SHORT, events.numbers.data(), size - VARHDRSZ_SHORT);
    return PointerGetDatum(value);
}

inline KnownEvents known_events_of_datum(Datum datum) {
    const varlena *value = PG_DETOAST_DATUM_PACKED(datum);
    return unpack_known_events({reinterpret_cast<const std::byte *>(VARDATA_ANY(value)), VARSIZE_ANY_EXHDR(value)});
}

} // namespace msgstatus
