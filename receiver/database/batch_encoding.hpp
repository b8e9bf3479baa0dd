// The parameters of a batch in PostgreSQL's binary array format (src/backend/utils/adt/arrayfuncs.c, array_recv).
#pragma once

#include <array>
#include <span>
#include <string>

#include "database/job.hpp"

namespace msgstatus::receiver {

// Object identifiers of built-in types (src/include/catalog/pg_type.dat), fixed for all versions.
inline constexpr unsigned oid_text = 25;
inline constexpr unsigned oid_jsonb = 3802;
inline constexpr unsigned oid_timestamptz = 1184;
inline constexpr unsigned oid_text_array = 1009;
inline constexpr unsigned oid_jsonb_array = 3807;
inline constexpr unsigned oid_timestamptz_array = 1185;

/// BatchParameters does hold the three arrays of apply_message_status_batch: bodies as jsonb, times, sources. The
/// buffers are used again for the next batch.
class BatchParameters {
public:
    /// encode does fill the arrays from the jobs, at least one.
    void encode(std::span<const Job> jobs);

    /// parameters does return the bytes of $1, $2, $3.
    std::array<std::string_view, 3> parameters() const noexcept { return {bodies_, times_, sources_}; }

private:
    std::string bodies_;
    std::string times_;
    std::string sources_;
};

/// append_int32 and append_int64 do append a number in network order.
void append_int32(std::string &out, std::int32_t value);
void append_int64(std::string &out, std::int64_t value);

/// read_int32 does read a number in network order from a binary result column of four bytes.
std::int32_t read_int32(const char *bytes) noexcept;

} // namespace msgstatus::receiver
