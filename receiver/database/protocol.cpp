#include "database/protocol.hpp"

#include <cstring>

namespace msgstatus::receiver {
namespace {

// Object identifiers of built-in types (src/include/catalog/pg_type.dat), fixed for all versions.
constexpr std::int32_t oid_text = 25;
constexpr std::int32_t oid_jsonb = 3802;
constexpr std::int32_t oid_timestamptz = 1184;
constexpr char jsonb_version = 1;
constexpr std::size_t most_kept_bytes = mebibyte;

void begin_array(std::string &out, std::int32_t element_type, std::size_t size) {
    if (out.capacity() > most_kept_bytes)
        std::string().swap(out); // an unusual batch should not cost memory for ever
    out.clear();
    // Dimensions, no NULL among the elements, their type; of the dimension, size and lower bound.
    for (const std::int32_t field : {1, 0, element_type, static_cast<std::int32_t>(size), 1})
        append_number(out, field);
}

// Returns the name as a role's, within a string literal.
std::string quoted_role(std::string_view role) {
    const bool is_plain = role.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
    std::string name;
    for (const char c : role)
        name.append(c == '"' || c == '\'' ? 2 : 1, c);
    return is_plain ? name : '"' + name + '"';
}

} // namespace

std::array<std::string_view, 3> BatchParameters::encode(std::span<const Job> jobs) {
    begin_array(bodies_, oid_jsonb, jobs.size());
    begin_array(times_, oid_timestamptz, jobs.size());
    begin_array(sources_, oid_text, jobs.size());
    std::size_t bytes = bodies_.size();
    for (const Job &job : jobs)
        bytes += sizeof(std::int32_t) + sizeof jsonb_version + job.body.text().size();
    bodies_.reserve(bytes);
    for (const Job &job : jobs) {
        const std::string &text = job.body.text();
        append_number(bodies_, static_cast<std::int32_t>(text.size() + 1));
        bodies_.append(1, jsonb_version).append(text);
        append_number(times_, static_cast<std::int32_t>(sizeof job.received_at));
        append_number(times_, job.received_at);
        append_number(sources_, static_cast<std::int32_t>(job.source.size()));
        sources_.append(job.source);
    }
    return {bodies_, times_, sources_};
}

std::optional<std::vector<WebhookCounts>> read_counts(const PgResult &result, std::size_t webhooks) {
    std::vector<WebhookCounts> counts(webhooks);
    if (static_cast<std::size_t>(PQntuples(result.get())) != webhooks ||
        PQnfields(result.get()) != std::tuple_size_v<WebhookCounts>)
        return std::nullopt;
    for (int row = 0; WebhookCounts & of_webhook : counts) {
        for (int column = 0; std::int32_t & count : of_webhook) {
            if (PQgetlength(result.get(), row, column) != sizeof count) // a NULL has no length
                return std::nullopt;
            std::memcpy(&count, PQgetvalue(result.get(), row, column++), sizeof count);
            boost::endian::big_to_native_inplace(count);
            if (count < 0)
                return std::nullopt;
        }
        ++row;
    }
    return counts;
}

Failure classify_failure(std::string_view sqlstate) noexcept {
    const std::string_view kind = sqlstate.substr(0, 2);
    if (sqlstate.empty() || kind == "08" || kind == "53" || sqlstate.starts_with("57P") ||
        sqlstate == "25006"     // read-only: a standby, or a server that shall take nothing
        || sqlstate == "26000"  // our prepared statement is gone (DISCARD ALL, a pooler)
        || sqlstate == "0A000"  // cached plan must not change result type: the extension was updated
        || sqlstate == "58030") // I/O error
        return Failure::unavailable;
    if (kind == "22" || kind == "54")
        return Failure::data;
    if (kind == "40")
        return Failure::conflict;
    return Failure::other;
}

std::string setup_hint(std::string_view sqlstate, std::string_view server_hint, std::string_view role) {
    if (sqlstate == "3F000" || sqlstate == "42883" || sqlstate == "42P01")
        return "Run: CREATE EXTENSION msgstatus; SELECT msgstatus.install();";
    if (sqlstate == "55000")
        return server_hint.empty() ? "Run: SELECT msgstatus.install();" : std::string(server_hint);
    if (sqlstate == "42501")
        return "Run: SELECT msgstatus.grant_access('" + quoted_role(role) + "', 'ingest');";
    if (sqlstate == "42P05") // another lane's statement: a pooler gave this lane the connection of another
        return "Connect to PostgreSQL itself, or through a pooler in session mode.";
    return {};
}

} // namespace msgstatus::receiver
