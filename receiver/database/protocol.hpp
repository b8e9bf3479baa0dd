// What goes to the database and what comes back: the parameters of a batch in PostgreSQL's binary array format
// (src/backend/utils/adt/arrayfuncs.c, array_recv), the counts it returns, and what its errors mean.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "database/connection.hpp"
#include "jobs/job.hpp"

namespace msgstatus::receiver {

// Object identifiers of built-in types (src/include/catalog/pg_type.dat), fixed for all versions.
inline constexpr unsigned oid_text = 25;
inline constexpr unsigned oid_jsonb = 3802;
inline constexpr unsigned oid_timestamptz = 1184;
inline constexpr unsigned oid_text_array = 1009;
inline constexpr unsigned oid_jsonb_array = 3807;
inline constexpr unsigned oid_timestamptz_array = 1185;

/// BatchParameters holds the three arrays of apply_message_status_batch: bodies as jsonb, times, sources. The buffers
/// are used again for the next batch.
class BatchParameters {
public:
    /// Fills the arrays from the jobs, at least one.
    void encode(std::span<const Job> jobs);

    /// Returns the bytes of $1, $2, $3.
    std::array<std::string_view, 3> parameters() const noexcept { return {bodies_, times_, sources_}; }

private:
    std::string bodies_;
    std::string times_;
    std::string sources_;
};

/// What came of one webhook: status objects found, and what became of them.
struct BatchCounts {
    std::int32_t received = 0, applied = 0, unchanged = 0, rejected = 0, ignored = 0;
};

/// Returns the counts of a call's webhooks, nothing if the result is not of the agreed form: a row for each webhook,
/// five numbers in each, none of them NULL or negative.
std::optional<std::vector<BatchCounts>> read_counts(const PgResult &result, std::size_t webhooks);

/// Append a number in network order.
void append_int32(std::string &out, std::int32_t value);
void append_int64(std::string &out, std::int64_t value);

/// Reads a number in network order from a binary result column of four bytes.
std::int32_t read_int32(const char *bytes) noexcept;

/// Returns what kind of failure an SQLSTATE is (PostgreSQL documentation, appendix A).
/// @param sqlstate  five characters, or empty if the connection broke
Failure classify_failure(std::string_view sqlstate) noexcept;

/// Returns what mends a database that is not set up for the receiver, empty if the SQLSTATE has another cause as a
/// rule.
/// @param server_hint  of the same error; it knows best whether tables are missing or of another version
/// @param role         who the receiver connects as
std::string setup_hint(std::string_view sqlstate, std::string_view server_hint, std::string_view role);

} // namespace msgstatus::receiver
