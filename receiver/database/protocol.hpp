// What goes to the database and what comes back: the parameters of a batch in PostgreSQL's binary array format
// (src/backend/utils/adt/arrayfuncs.c, array_recv), the counts it returns, and what its errors mean.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/endian/conversion.hpp>

#include "database/connection.hpp"
#include "jobs/job.hpp"

namespace msgstatus::receiver {

/// Appends a number in network order.
template <class Integer>
void append_number(std::string &out, Integer value) {
    boost::endian::native_to_big_inplace(value);
    out.append(reinterpret_cast<const char *>(&value), sizeof value);
}

/// BatchParameters holds the three arrays of apply_message_status_batch: bodies as jsonb, times, sources. The buffers
/// are used again for the next batch.
class BatchParameters {
public:
    /// Returns the bytes of $1, $2, $3 for the jobs, at least one.
    std::array<std::string_view, 3> encode(std::span<const Job> jobs);

private:
    std::string bodies_;
    std::string times_;
    std::string sources_;
};

/// What came of one webhook, in the order of apply_message_status_batch's columns: received, applied, unchanged,
/// rejected, ignored.
using WebhookCounts = std::array<std::int32_t, 5>;

/// Returns the counts of a call's webhooks, nothing if the result is not of the agreed form: a row for each webhook,
/// five numbers in each, none of them NULL or negative.
std::optional<std::vector<WebhookCounts>> read_counts(const PgResult &result, std::size_t webhooks);

/// Returns what kind of failure an SQLSTATE is (PostgreSQL documentation, appendix A).
/// @param sqlstate  five characters, or empty if the connection broke
Failure classify_failure(std::string_view sqlstate) noexcept;

/// Returns what mends a database that is not set up for the receiver, empty if the SQLSTATE has another cause as a
/// rule.
/// @param server_hint  of the same error; it knows best whether tables are missing or of another version
/// @param role         who the receiver connects as
std::string setup_hint(std::string_view sqlstate, std::string_view server_hint, std::string_view role);

} // namespace msgstatus::receiver
