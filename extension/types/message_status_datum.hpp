// Converts a message_status from and to a Datum.
#pragma once

#include "core/status.hpp"
#include "postgres/postgres.hpp"

#define PG_GETARG_STATUS(n) msgstatus::status_of_datum(PG_GETARG_DATUM(n))

namespace msgstatus {

// Returns a palloc'd value with the short header with which a row stores it, so that storing copies it unchanged.
inline Datum status_datum(const Status &status) {
    const std::size_t size = packed_size(status);
    if (size + VARHDRSZ_SHORT <= VARATT_SHORT_MAX) {
        auto *value = static_cast<char *>(palloc(size + VARHDRSZ_SHORT));
        SET_VARSIZE_SHORT(value, size + VARHDRSZ_SHORT);
        pack(status, reinterpret_cast<std::byte *>(value + VARHDRSZ_SHORT));
        return PointerGetDatum(value);
    }
    auto *value = static_cast<char *>(palloc(size + VARHDRSZ));
    SET_VARSIZE(value, size + VARHDRSZ);
    pack(status, reinterpret_cast<std::byte *>(value + VARHDRSZ));
    return PointerGetDatum(value);
}

// Returns the stored form inside a detoasted value.
inline std::span<const std::byte> bytes_of(const varlena *value) {
    return {reinterpret_cast<const std::byte *>(VARDATA_ANY(value)), VARSIZE_ANY_EXHDR(value)};
}

// Returns the status. Raises data_corrupted (XX001) for invalid bytes, which only a damaged table holds.
inline Status status_of_datum(Datum datum) {
    const auto status = unpack(bytes_of(PG_DETOAST_DATUM_PACKED(datum)));
    if (!status)
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid message_status")));
    return *status;
}

} // namespace msgstatus
